"""Models asked by tensors, over whatever transport: the Open Inference Protocol (KServe v2).

Source: https://github.com/kserve/open-inference-protocol.
"""
