"""Sentences that a new version has to get right before it serves.

Of the project's own, about as long as what people send, and none of them a test sentence.
"""

SENTENCES = {
    "ar": ("ستفتح المكتبة أبوابها في التاسعة صباحا.", "هل يمكنك أن تعطيني كوبا من الماء؟"),
    "bg": ("Библиотеката отваря в девет часа сутринта.", "Можете ли да ми дадете вода?"),
    "bn": ("গ্রন্থাগারটি সকাল নয়টায় খোলে।", "আমাকে কি এক গ্লাস পানি দেবেন?"),
    "cs": ("Knihovna se otevírá v devět hodin ráno.", "Můžete mi prosím dát sklenici vody?"),
    "da": ("Vi åbner døren til biblioteket tidligt.", "Må jeg bede om et glas vand af dig?"),
    "de": ("Die Bücherei öffnet um neun Uhr morgens.", "Können Sie mir ein Glas Wasser geben?"),
    "el": ("Η βιβλιοθήκη ανοίγει στις εννέα το πρωί.", "Μου δίνετε ένα ποτήρι νερό;"),
    "en": ("The library opens at nine in the morning.", "Could you give me a glass of water?"),
    "es": ("La biblioteca abre a las nueve de la mañana.", "¿Me puede dar un vaso de agua?"),
    "fa": ("کتابخانه ساعت نه صبح باز می‌شود.", "می‌توانید یک لیوان آب به من بدهید؟"),
    "fi": ("Kirjasto avataan yhdeksältä aamulla.", "Voisitko antaa minulle lasin vettä?"),
    "fr": ("La bibliothèque ouvre à neuf heures.", "Pourriez-vous me donner un verre d'eau ?"),
    "he": ("הספרייה נפתחת בתשע בבוקר.", "אפשר לקבל כוס מים בבקשה?"),
    "hi": ("पुस्तकालय सुबह नौ बजे खुलता है।", "क्या आप मुझे एक गिलास पानी देंगे?"),
    "hu": ("A könyvtár reggel kilenckor nyit ki.", "Kaphatnék egy pohár vizet öntől?"),
    "id": ("Perpustakaan itu buka pukul sembilan pagi.", "Bolehkah saya minta segelas air?"),
    "it": ("La biblioteca apre alle nove del mattino.", "Mi può dare un bicchiere d'acqua?"),
    "ja": ("図書館は朝の九時に開きます。", "水を一杯いただけますか。"),
    "ko": ("도서관은 아침 아홉 시에 문을 엽니다.", "물 한 잔만 주시겠어요?"),
    "nl": ("De bibliotheek gaat om negen uur open.", "Mag ik een glas water van u hebben?"),
    "no": ("Biblioteket åpner klokka ni om morgenen.", "Kan du gi meg et glass vann, er du snill?"),
    "pl": ("Biblioteka otwiera się o dziewiątej rano.", "Czy mogę prosić o szklankę wody?"),
    "pt": ("A biblioteca abre às nove da manhã.", "Você pode me dar um copo de água?"),
    "ro": ("Biblioteca se deschide la ora nouă dimineața.", "Îmi puteți da un pahar cu apă?"),
    "ru": ("Библиотека открывается в девять утра.", "Дайте мне, пожалуйста, стакан воды."),
    "sv": ("Biblioteket öppnar klockan nio på morgonen.", "Kan du ge mig ett glas vatten?"),
    "th": ("ห้องสมุดเปิดเวลาเก้าโมงเช้า", "ขอน้ำสักแก้วได้ไหม"),
    "tr": ("Kütüphane sabah saat dokuzda açılıyor.", "Bana bir bardak su verir misiniz?"),
    "uk": ("Бібліотека відчиняється о дев'ятій ранку.", "Дайте мені, будь ласка, склянку води."),
    "vi": ("Thư viện mở cửa lúc chín giờ sáng.", "Anh cho tôi xin một cốc nước được không?"),
    "zh": ("图书馆早上九点开门。", "可以给我一杯水吗？"),
}
"""By ISO 639-1 code."""
