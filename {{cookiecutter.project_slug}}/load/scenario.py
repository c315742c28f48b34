"""What `make load` asks, over and over on every connection, and which answers are right."""

import os
from itertools import cycle

from locust import FastHttpUser, task

QUESTIONS = cycle(
    [
        ("Der Bäcker an der Ecke öffnet schon um sechs Uhr morgens.", "de"),
        ("We left our umbrellas at the station and got soaked.", "en"),
        ("Mañana iremos a la playa si no llueve por la tarde.", "es"),
        ("Les enfants jouent dans la cour depuis ce matin.", "fr"),
        ("La nonna racconta una storia prima di andare a dormire.", "it"),
        ("Morgen gaan we met de trein naar mijn ouders.", "nl"),
        ("W niedzielę upieczemy ciasto z jabłkami dla sąsiadów.", "pl"),
        ("O padeiro da nossa rua abre às seis horas da manhã.", "pt"),
        ("Завтра утром мы поедем на дачу к друзьям.", "ru"),
        ("Yarın sabah erkenden denize gideceğiz.", "tr"),
    ]
)

# Goes with every request. `make load` finds it in .env, where there is one.
HEADER, _, VALUE = os.environ.get("LOAD_HEADER", "").partition(": ")

# It is the models that are measured: nothing on the way may answer for them.
HEADERS = {"Cache-Control": "no-cache"}


class Visitor(FastHttpUser):
    """One connection: asks, waits for the answer, asks again at once."""

    # Seconds. What takes longer has failed.
    connection_timeout = 10.0
    network_timeout = 10.0
    default_headers = {HEADER: VALUE} if HEADER else {}

    @task
    def detect(self) -> None:
        text, language = next(QUESTIONS)
        asking = self.client.post(
            "/v1/detect", json={"text": text}, headers=HEADERS, catch_response=True
        )
        with asking as answer:
            # Statuses from 400 on are failures by themselves.
            if answer.ok and answer.status_code != 200:
                answer.failure(f"the status is {answer.status_code}, not 200")
            elif answer.ok and (found := answer.json()["language"]) != language:
                answer.failure(f"the language is {found}, not {language}")
