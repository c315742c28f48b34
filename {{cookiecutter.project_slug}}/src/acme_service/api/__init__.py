"""The routes of this service, on the kit's API.

They know contracts and nothing behind them: no Ray, no models, no numbers.
"""
