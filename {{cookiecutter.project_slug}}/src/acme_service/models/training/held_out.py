"""The project's own test set: everyday sentences, none of them from the training data.

Training measures each version with them, and tests say how good it has to be.
"""

from collections.abc import Iterable, Mapping, Sequence

from acme_service.contracts.language import Query
from acme_service.models.language import LanguageModel

TEN: dict[str, tuple[str, ...]] = {
    "de": (
        "Der Zug nach München hat heute zwanzig Minuten Verspätung.",
        "Meine Schwester backt jeden Sonntag einen Kuchen mit Äpfeln.",
        "Könntest du bitte das Fenster schließen, mir ist kalt.",
        "Wir haben gestern Abend lange über den Urlaub gesprochen.",
        "Nach der Arbeit gehe ich meistens noch eine Runde laufen.",
        "Die Kinder spielen im Garten, obwohl es angefangen hat zu regnen.",
        "Hast du schon gehört, dass unsere Nachbarn umziehen wollen?",
    ),
    "en": (
        "The bus was late again, so we walked home together.",
        "She keeps her grandmother's letters in a box under the bed.",
        "Could you turn the music down while I am on the phone?",
        "We are thinking about painting the kitchen yellow this spring.",
        "Nobody in the office knows how the new printer works.",
        "My brother has been learning to play the guitar since winter.",
        "There is some soup left in the fridge if you are hungry.",
    ),
    "es": (
        "El perro de mi vecina ladra todas las mañanas a las seis.",
        "Ayer compramos pan, queso y unas naranjas en el mercado.",
        "¿Puedes decirme dónde está la parada del autobús?",
        "Mi abuelo cuenta siempre las mismas historias de su juventud.",
        "Este verano queremos viajar al norte y dormir cerca del mar.",
        "Los niños se quedaron dormidos antes de que acabara la película.",
        "Hoy hace mucho calor, así que mejor nos quedamos en casa.",
    ),
    "fr": (
        "Le boulanger du quartier ferme sa boutique tous les lundis.",
        "J'ai oublié mes clés sur la table de la cuisine ce matin.",
        "Est-ce que tu veux venir au cinéma avec nous samedi soir ?",
        "Ma fille apprend à nager et elle n'a plus peur de l'eau.",
        "Il pleut depuis trois jours et la rivière commence à monter.",
        "Nous avons trouvé un petit appartement près de la gare.",
        "Personne ne savait que le professeur parlait aussi bien le chinois.",
    ),
    "it": (
        "Stamattina ho perso il treno perché la sveglia non ha suonato.",
        "Mia madre prepara il sugo con i pomodori dell'orto.",
        "Puoi prestarmi un ombrello? Fuori sta per piovere.",
        "I ragazzi giocano a pallone nella piazza davanti alla chiesa.",
        "Abbiamo deciso di vendere la vecchia macchina e comprare due biciclette.",
        "Quando torno a casa la sera, leggo volentieri qualche pagina.",
        "Il gatto dorme sempre sulla sedia vicino alla finestra.",
    ),
    "nl": (
        "De fiets van mijn broer staat al een week in de schuur.",
        "Zullen we vanavond samen koken of liever ergens gaan eten?",
        "Het heeft de hele nacht gesneeuwd en de straten zijn glad.",
        "Ik zoek een cadeau voor de verjaardag van mijn oma.",
        "Op zaterdag is er altijd markt op het plein achter de kerk.",
        "Hij vergeet steeds waar hij zijn sleutels heeft neergelegd.",
        "Volgende maand begint ze met haar nieuwe baan in het ziekenhuis.",
    ),
    "pl": (
        "Wczoraj wieczorem długo czekaliśmy na ostatni autobus.",
        "Moja córka lubi rysować konie i piec ciasteczka.",
        "Czy możesz kupić chleb i mleko w drodze do domu?",
        "W sobotę pojedziemy nad jezioro, jeśli pogoda będzie ładna.",
        "Dziadek opowiadał nam o swojej pierwszej podróży pociągiem.",
        "Nie mogę znaleźć okularów, chociaż szukałem ich wszędzie.",
        "Sąsiedzi z góry znowu słuchają głośnej muzyki.",
    ),
    "pt": (
        "A minha avó faz o melhor bolo de laranja da aldeia.",
        "Ontem à noite faltou a luz e jantámos à luz das velas.",
        "Você sabe a que horas abre a farmácia da esquina?",
        "O meu irmão trabalha numa oficina perto do rio.",
        "Não consigo dormir quando os cães começam a ladrar.",
        "As crianças foram para a escola de bicicleta com o pai.",
        "Amanhã vamos pintar o quarto e arrumar os livros.",
    ),
    "ru": (
        "Вчера вечером мы долго гуляли по набережной и ели мороженое.",
        "Моя бабушка каждое лето варит варенье из чёрной смородины.",
        "Скажите, пожалуйста, как пройти к ближайшей станции метро?",
        "Брат купил старую машину и теперь чинит её в гараже.",
        "Дети заснули раньше, чем закончился фильм.",
        "Завтра обещают дождь, поэтому возьми с собой зонт.",
        "Я забыл ключи на работе и не могу попасть домой.",
    ),
    "tr": (
        "Dün akşam arkadaşlarımla deniz kenarında yürüyüş yaptık.",
        "Annem her pazar sabahı bize sıcak börek yapar.",
        "Buradan tren istasyonuna nasıl gidebilirim, biliyor musunuz?",
        "Kardeşim yeni aldığı bisikleti bodrumda saklıyor.",
        "Yağmur başlayınca çocuklar hemen eve koştular.",
        "Bu kitabı okumayı bitirince sana ödünç verebilirim.",
        "Komşumuzun köpeği bütün gece havladığı için uyuyamadım.",
    ),
}
"""Sentences in the ten languages of version 1."""

MORE: dict[str, tuple[str, ...]] = {
    "ar": (
        "ذهبنا أمس إلى السوق واشترينا الخبز والفاكهة.",
        "أخي الصغير يحب أن يلعب كرة القدم بعد المدرسة.",
    ),
    "bg": (
        "Вчера купихме хляб и сирене от малкия магазин на ъгъла.",
        "Децата играят на двора, докато баба готви вечерята.",
    ),
    "bn": (
        "আমার মা প্রতিদিন সকালে বাগানে ফুল গাছে জল দেন।",
        "গতকাল আমরা নদীর ধারে অনেকক্ষণ হেঁটেছিলাম।",
    ),
    "cs": (
        "Včera večer jsme dlouho čekali na poslední tramvaj.",
        "Můj bratr si koupil nové kolo a jezdí na něm do práce.",
    ),
    "da": (
        "Vi glemte at købe mælk, så nu må vi drikke kaffen sort.",
        "Min søster bor i en lille lejlighed tæt ved havnen.",
    ),
    "el": (
        "Χθες το βράδυ περπατήσαμε δίπλα στη θάλασσα.",
        "Η γιαγιά μου φτιάχνει κάθε Κυριακή μια μεγάλη πίτα.",
    ),
    "fa": (
        "دیروز با دوستانم به پارک رفتیم و چای نوشیدیم.",
        "مادرم هر روز صبح برای ما نان تازه می‌خرد.",
    ),
    "fi": (
        "Eilen illalla kävelimme pitkään järven rannalla.",
        "Isoäitini leipoo joka lauantai mustikkapiirakkaa.",
    ),
    "he": (
        "אתמול בערב הלכנו לאורך הים ואכלנו גלידה.",
        "אחותי הקטנה אוהבת לקרוא ספרים לפני השינה.",
    ),
    "hi": (
        "कल शाम हम बहुत देर तक नदी के किनारे टहलते रहे।",
        "मेरी दादी हर रविवार को हमारे लिए खीर बनाती हैं।",
    ),
    "hu": (
        "Tegnap este sokáig sétáltunk a folyó partján.",
        "A nagymamám minden vasárnap almás süteményt süt.",
    ),
    "id": (
        "Kemarin kami membeli buah dan sayuran di pasar dekat rumah.",
        "Adik saya suka bermain layang-layang setelah pulang sekolah.",
    ),
    "ja": (
        "昨日の夜、友達と一緒に川のそばを散歩しました。",
        "母は毎週日曜日に美味しいケーキを焼いてくれます。",
    ),
    "ko": (
        "어제 저녁에 친구와 함께 강가를 오래 걸었어요.",
        "할머니는 일요일마다 맛있는 떡을 만들어 주십니다.",
    ),
    "no": (
        "Vi glemte å kjøpe brød, så vi måtte spise knekkebrød i stedet.",
        "Søsteren min har nettopp flyttet til en liten bygd ved fjorden.",
    ),
    "ro": (
        "Aseară ne-am plimbat mult timp pe malul râului.",
        "Bunica mea face în fiecare duminică o plăcintă cu mere.",
    ),
    "sv": (
        "I går kväll gick vi en lång promenad längs stranden.",
        "Min mormor bakar alltid bullar när vi hälsar på henne.",
    ),
    "th": (
        "เมื่อวานนี้เราไปเดินเล่นริมแม่น้ำกับเพื่อน",
        "คุณยายของฉันทำขนมอร่อยมากทุกวันอาทิตย์",
    ),
    "uk": (
        "Учора ввечері ми довго гуляли біля річки та їли морозиво.",
        "Моя бабуся щонеділі пече пиріг із яблуками.",
    ),
    "vi": (
        "Tối hôm qua chúng tôi đi dạo rất lâu bên bờ sông.",
        "Bà tôi thường nấu phở cho cả nhà vào mỗi sáng chủ nhật.",
    ),
    "zh": (
        "昨天晚上我们沿着河边走了很久。",
        "我奶奶每个星期天都给我们包饺子。",
    ),
}
"""Sentences in the other languages of version 2."""


def sentences_in(languages: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The sentences of these languages, by ISO 639-1 code."""
    return {language: (TEN | MORE)[language] for language in languages}


def accuracy(model: LanguageModel, sentences: Mapping[str, Sequence[str]]) -> float:
    """Return the share of sentences, in [0, 1], for which the model finds the right language."""
    expected = [language for language, texts in sentences.items() for _ in texts]
    found = model.predict([Query(text) for texts in sentences.values() for text in texts])
    right = [one.language == other for one, other in zip(found, expected, strict=True)]
    return sum(right) / len(right)
