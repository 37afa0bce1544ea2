"""Text in the encodings that files are in: read as it was written, however short."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.hosted.extract import ExtractionError, extract

TEXTS = {
    "German": (
        ["cp1252", "iso8859-15", "cp850", "mac-roman"],
        [
            "Die Größe der Tür",
            "Öffnungszeiten: täglich außer Sonntag",
            "Gebühr: 30 € für Schüler",
            "Wir möchten die Übergabe früher",
        ],
    ),
    "French": (
        ["cp1252", "iso8859-15", "mac-roman"],
        [
            "Le café est fermé",
            "L’hôtel coûte 80 € par nuit",
            "Veuillez vérifier l'adresse à côté",
            "Déjà vu",
        ],
    ),
    "Spanish": (
        ["cp1252", "iso8859-1", "cp850"],
        ["¿Cuándo llega el avión?", "La niña está aquí", "Camión pequeño", "Dirección"],
    ),
    "Polish": (
        ["cp1250", "iso8859-2", "cp852"],
        ["Zażółć gęślą jaźń", "Gdzie jest najbliższa łazienka?", "Świąteczne życzenia"],
    ),
    "Czech": (
        ["cp1250", "iso8859-2"],
        ["Příliš žluťoučký kůň", "Kde je nejbližší nádraží?", "Děkujeme za váš nákup"],
    ),
    "Turkish": (
        ["cp1254", "iso8859-9"],
        ["Güneşli bir gün", "Lütfen şifrenizi değiştirin", "İşlem başarıyla tamamlandı"],
    ),
    "Russian": (
        ["cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic"],
        [
            "Где находится вокзал?",
            "Счёт оплачен",
            "Добрый день, уважаемые коллеги",
            "Договор № 5",
            "Санкт-Петербург",
        ],
    ),
    "Greek": (
        ["cp1253", "iso8859-7"],
        ["Πού είναι ο σταθμός;", "Καλή σας μέρα", "Ο λογαριασμός πληρώθηκε", "Ελλάδα"],
    ),
    "Hebrew": (["cp1255", "iso8859-8"], ["איפה התחנה?", "בוקר טוב לכולם", "החשבון שולם"]),
    "Arabic": (
        ["cp1256", "iso8859-6"],
        ["أين المحطة؟", "صباح الخير", "تم دفع الفاتورة", "السلام عليكم"],
    ),
    "Thai": (["cp874"], ["สถานีอยู่ที่ไหน", "อรุณสวัสดิ์", "ชำระเงินแล้ว"]),
    "Japanese": (
        ["cp932", "euc_jp", "iso2022_jp"],
        [
            "駅はどこですか。",
            "おはようございます",
            "お支払いが完了しました。",
            "議事録",
            "横浜市",
            "プリンターの設定",
            "株式会社",
        ],
    ),
    "Chinese": (
        ["gb18030", "gbk", "hz"],
        ["火车站在哪里？", "早上好，各位同事", "账单已经支付", "上海市", "会议记录", "使用说明"],
    ),
    "Chinese in Taiwan": (
        ["big5", "cp950"],
        ["火車站在哪裡？", "早安，各位同事", "帳單已經支付", "高雄市", "會議記錄", "使用說明"],
    ),
    "Korean": (
        ["cp949", "euc_kr", "iso2022_kr"],
        [
            "역이 어디에 있습니까?",
            "좋은 아침입니다",
            "결제가 완료되었습니다",
            "부산광역시",
            "회의록",
            "사용 설명서",
        ],
    ),
}
UNICODE = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]
CASES = [
    (text, encoding)
    for encodings, texts in TEXTS.values()
    for text in texts
    for encoding in [*encodings, *UNICODE]
    if text.encode(encoding, "replace").decode(encoding) == text
]
ALPHABETIC = [
    case for case in CASES if case[1] not in UNICODE and not case[1].startswith(("iso2022", "hz"))
]


def test_the_cases_cover_many_encodings() -> None:
    assert len({encoding for _, encoding in CASES}) >= 25
    assert len(TEXTS) >= 12


@pytest.mark.parametrize(("text", "encoding"), CASES)
def test_a_short_text_is_read_in_every_encoding(text: str, encoding: str) -> None:
    assert extract("a.txt", text.encode(encoding)) == text


@settings(max_examples=300, deadline=None)
@given(
    case=st.sampled_from(CASES),
    before=st.sampled_from(["", "id;name;note\n1;", "Subject: re\n\n", "- "]),
    after=st.sampled_from(["", "\n", ";ok\n", " (copy)\nend"]),
    times=st.integers(1, 30),
)
def test_a_text_is_read_whatever_stands_around_it(
    case: tuple[str, str], before: str, after: str, times: int
) -> None:
    text, encoding = case
    whole = "\n".join([before + text + after] * times)
    assert extract("a.txt", whole.encode(encoding)) == whole


@settings(max_examples=60, deadline=None)
@given(case=st.sampled_from(ALPHABETIC), lines=st.integers(1, 20_000), where=st.integers(0, 2))
def test_a_few_words_tell_the_encoding_wherever_they_stand(
    case: tuple[str, str], lines: int, where: int
) -> None:
    text, encoding = case
    plain = "2026-11-26 10:00:00 INFO request served in 12 ms\n" * lines
    whole = {0: text + "\n" + plain, 1: plain + text + "\n" + plain, 2: plain + text}[where]
    assert extract("a.log", whole.encode(encoding)) == whole


@pytest.mark.parametrize(
    "data",
    [
        "①予算 ㈱東京商事".encode("cp932"),
        "①予算 ㈱東京商事".encode("euc_jis_2004"),
        "①予算 ㈱東京商事".encode("iso2022_jp_2004"),
        "①予算 ㈱東京商事".encode("iso2022_jp_2004").replace(b"\x1b$(Q", b"\x1b$B"),
    ],
)
def test_signs_that_only_japanese_vendors_have_are_read(data: bytes) -> None:
    assert extract("a.txt", data) == "①予算 ㈱東京商事"


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("a.xml", '<?xml version="1.0" encoding="ISO-8859-5"?><p>ш</p>', "iso8859-5"),
        ("a.xml", '<?xml version="1.0" encoding="ISO-8859-1"?><p>“€”</p>', "cp1252"),
        ("a.css", '@charset "windows-1253";\n/* ά */', "cp1253"),
        ("a.py", "#!/usr/bin/python\n# -*- coding: koi8-r -*-\nx = 'ы'", "koi8-r"),
        ("a.rb", "# encoding: euc-jp\nx = '漢'", "euc_jp"),
        ("a.html", '<meta charset="gb2312"><p>镕</p>', "gb18030"),
    ],
)
def test_what_a_file_says_of_itself_is_believed_where_it_can_be(
    name: str, text: str, encoding: str
) -> None:
    read = extract(name, text.encode(encoding))
    assert read == (text if not name.endswith("html") else "镕")


def test_what_a_file_says_of_itself_is_not_believed_where_it_cannot_be() -> None:
    assert extract("a.py", "# coding: ascii\n'日本語です'".encode()).endswith("'日本語です'")
    assert "日本語です" in extract("a.xml", '<?xml encoding="utf-8"?>日本語です'.encode("cp932"))


@pytest.mark.parametrize(
    "data",
    [
        b"perl -ne 'print ~{x}' ~{abc~}",
        b"\x1b[31mred\x1b[0m \x1b(B",
        b"a ~{ b } ~} c",
    ],
)
def test_programs_that_use_the_signs_of_an_encoding_stay_as_they_are(data: bytes) -> None:
    assert extract("a.sh", data) == data.decode().replace("\x1b", "")


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("台北の予定.txt", "電話", "cp932"),
        ("確認済.txt", "メモ", "euc_jp"),
        ("她們的測試.txt", "今天", "cp950"),
        ("預算與報價單.txt", "台北", "cp950"),
        ("会议记录.txt", "预算", "gb18030"),
        ("תקציב.txt", "כן", "cp1255"),
        ("ağaç.txt", "ağaç", "cp1254"),
        (unicodedata.normalize("NFD", "ağaç.txt"), "şifre", "cp1254"),
    ],
)
def test_a_word_that_could_be_in_many_encodings_is_in_one_that_can_write_the_files_name(
    name: str, text: str, encoding: str
) -> None:
    assert extract(name, text.encode(encoding)) == text


OLD = [case for case in ALPHABETIC if len(case[0]) > 8]


@settings(max_examples=150, deadline=None)
@given(
    old=st.sampled_from(OLD),
    new=st.lists(st.sampled_from([text for text, _ in CASES if len(text) > 8]), min_size=1),
    data=st.data(),
)
def test_lines_in_an_older_encoding_among_lines_of_utf_8_are_both_read(
    old: tuple[str, str], new: list[str], data: st.DataObject
) -> None:
    text, encoding = old
    lines = [(each, "utf-8") for each in new] + [(text, encoding), ("plain", "ascii")]
    lines = data.draw(st.permutations(lines))
    body = b"\n".join(line.encode(written) for line, written in lines)
    assert extract("a.log", body) == "\n".join(line for line, _ in lines)


def test_utf_8_with_a_broken_character_stays_utf_8() -> None:
    text = "日本語の説明です。東京都の会議の議事録です。".encode()
    assert extract("a.txt", text[:-1]).startswith("日本語の説明です。東京都の会議の議事録です")
    assert "東京都" in extract("a.txt", text[:6] + b"\xff" + text[6:] + b"\n" + text)


def test_bytes_that_are_in_no_encoding_of_text_are_no_text() -> None:
    import random

    for seed in range(40):
        noise = random.Random(seed).randbytes(2000)
        with pytest.raises(ExtractionError, match="not text"):
            extract("a.bin", noise)


@pytest.mark.parametrize(
    "text",
    [
        "Temperature: 21 °C", "£5 only", "5 µm ± 1 µm", "© 2024", "§ 5 Abs. 2", "Price: 5 €",
        "naïve", "Rødgrød med fløde", "Smörgåsbord på ön", "São Paulo não é a capital", "it’s fine",
        "“quoted” text", "– a dash", "• item", "«Bonjour»", "ÉCOLE", "cœur", "Côte d’Ivoire",
        "10 % … 20 %", "A · B", "Ø 12 mm", "ÜBERSICHT DER ÄRZTE", "Þetta er gott", "Hyvää päivää",
    ],
)  # fmt: skip
def test_a_few_signs_of_western_europe_are_told_from_all_else(text: str) -> None:
    assert extract("a.txt", text.encode("cp1252")) == text


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp932", "会議室 見積書 東京都 テスト 田中太郎 送り状 ありがとう"),
        ("euc_jp", "見積書 東京都 テスト 田中太郎 鈴木一郎 ありがとう カタログ"),
        ("gb18030", "会议室 报价单 北京市 测试版 非常感谢 发票号 王小明"),
        ("cp950", "會議室 報價單 台北市 今天的 圖片說明 聯絡電話 王小明"),
        ("cp949", "회의실 견적서 서울시 테스트 감사합니다 오늘은 주소"),
        ("cp1251", "нет Москва встреча бюджет спасибо"),
        ("koi8-r", "нет Москва встреча бюджет спасибо"),
        ("iso8859-5", "нет Москва встреча бюджет спасибо"),
        ("iso8859-7", "ναι όχι Αθήνα συνάντηση"),
        ("cp1254", "şifre ağaç toplantı bugün"),
        ("iso8859-2", "żółw święto źródło wrzesień"),
        ("cp1252", "für Größe café où año reunión"),
    ],
)
def test_a_word_of_a_few_letters_is_read_in_its_encoding(encoding: str, words: str) -> None:
    read = [extract("a.txt", word.encode(encoding)) for word in words.split()]
    assert " ".join(read) == words
