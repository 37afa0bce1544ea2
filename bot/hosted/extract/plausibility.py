"""Scores how plausible a text is, to choose among the possible encodings of bytes.

Costs are about negative natural logarithms of probabilities. They are added for all characters
beyond ASCII, so texts that the same bytes decode to compare directly, whatever their lengths.
"""

import unicodedata
from functools import cache
from typing import Final

# Letters that each language adds to ASCII.
_LATIN: Final = (
    frozenset("çğıöşüâîûÇĞİÖŞÜ"),
    *(frozenset(letters + letters.upper()) for letters in (
        "äöüß", "éèàçêâôîûùëïœæüÿ", "áéíñóúü", "ãõáâàçéêíóôú", "àèéìòù", "ëïéèöü", "åäöé",
        "æøåé", "ðþæöáéíóúý", "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű",
        "ăâîșț", "ăâîşţ", "čćđšž", "ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž", "àéíòóúçïü",
    )),
)  # fmt: skip

# Letters that are seldom even in their own language, or whose language few people write.
_SELDOM_LATIN: Final = {"ÿ": 2.0, "Ý": 2.5, "ð": 2.0, "Ð": 2.0, "þ": 2.0, "ţ": 3.0, "ė": 1.0}

# Letters by how often they are used, most used first.
_ALPHABETS: Final = {
    "CYRILLIC": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґјљњћђџў",
    "GREEK": "αοιετσνηυρπκμλςόίάγέδήθχωφώύβξζψϊΐϋΰ",
    "HEBREW": "יוהלארמתבשנםכדחקעפטןגצסזךץף",
    "ARABIC": "اليمونرتبةعدسفهكقأحجشصضطخإىذزثءغآئؤظ",
    "THAI": (
        "านรอกเง\u0e48มยลวดทสต\u0e31\u0e49\u0e35ปบแค\u0e30จพห\u0e34ขใไ\u0e37\u0e38\u0e4cชโ"
        "\u0e39ถ\u0e47ผ\u0e36ญธ\u0e33ศซณฟๆภษฉฝฐฤ"
    ),
}
_RANKS: Final = {
    script: {letter: rank for rank, letter in enumerate(letters)}
    for script, letters in _ALPHABETS.items()
}

# Characters that every text of the language is full of.
_COMMON: Final = {
    "ja": frozenset(
        "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内"
        "相方四定今回新場金員九入選立開手米力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化"
        "田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野協取都和統以機平総加山思家話世"
        "受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資予"
        "川向際査勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品"
        "昨論計死官増係感特情投示変打男基私各始島直両朝革価式確村提運終挙果西勢減台広容必応演電歳住"
        "争談能無再位置企真流格有疑口過局少放税検藤町常校料沢裁状工建語球営空職証土与急止送援供可役"
        "構木割聞身費付施切由説転食比難防補車優夫研収断井何南石足違消境神番規術護展態導鮮備宅害配副"
        "算視条幹独警宮究育席輸訪楽起万着乗店述残想線率病農州武声質念待試族象銀域助労例衛然早張映限"
        "親額監環験追審商葉義伝働形景落欧担好退準賀訴辺造英被株頭技低毎医復仕去姿味負閣韓渡失移差衆"
        "個門写評課末守若脳極種美岡影命含福蔵量望松非撃佐核観察整段横融型白深字答夜製票況音申様財港"
        "識注呼渉達返承限到請書漢猫室予算株式会社東京都文書表紙名前住所電話番号商品注文送料返金領収"
        "駅録械庁舗階箱帳簿負額払込振替貸借契約締署印押欄覧索閲稿編版刷冊頁章節項款号添附属郵便局宛"
        "先様殿御製型仕図列単税抜値引割率銭県市区町村丁島京阪神横浜札幌岡崎曜午朝昼晩春夏秋冬"
        "郎藤鈴佐伊斎橋渡辺池森岸沢桜竹杉柳隆博宏浩樹誠健翔彩菜咲奈恵"
    ),
    "zh": frozenset(
        "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年"
        "过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心"
        "她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间"
        "由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给"
        "世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变"
        "四神总何电数安少报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社"
        "便空决治展马科司五基眼书非则听白却界达光放强即像难且权思王象完设式色路记南品住告类求据程北"
        "边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔款退付货请客户您谢京价格元收"
        "费单号码址服订购买卖店售欢迎联系版权所有注册登录"
        "账已支付使议银行卡密码邮箱手机网站下载软系统件店早晚春夏秋冬省县区路楼室姓您好们测试录"
        "张李王刘陈杨黄赵周吴徐孙朱胡郭何梁郑罗宋谢唐韩曹许邓冯蔡彭潘袁苏叶魏蒋沈姜范傅钟卢伟芳敏静丽"
    ),
    "zht": frozenset(
        "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年"
        "過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心"
        "她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩高間"
        "由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給"
        "世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變"
        "四神總何電數安少報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社"
        "便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且權思王象完設式色路記南品住告類求據程北"
        "邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運筆款退付貨請客戶您謝京價格元收"
        "費單號碼址服訂購買賣店售歡迎聯繫版權所有註冊登錄臺灣北"
        "帳已支付使議銀行卡密碼郵箱手機網站下載軟系統件店早晚春夏秋冬省縣區路樓室姓您好們測試錄雄"
        "張李王劉陳楊黃趙周吳徐孫朱胡郭何梁鄭羅宋謝唐韓曹許鄧馮蔡彭潘袁蘇葉魏蔣沈姜范傅鍾盧偉芳敏靜麗"
    ),
    "ko": frozenset(
        "이다는에의가고하지을를은한기사도로시서인대자나어리해있원일것들아수여으라전니정조장스상부구과"
        "제만그보주게소공성면동안유우적마화경오신용요선비관세습연위모무생말물재없방거할때까와학회분출"
        "행실금저내강당입교반체등업국민계문개발진간현년월일호두미통후더불산달건복품환매결김박최서울명"
        "같람된될되었했겠합감녕천바려양치터번식외차남여북조석력예약격편영처음중집심속설항권근바른많받"
        "언론노데트크드프그래램컴퓨터파래였열린름직접질책임추목표점단변육작팀활높필려졌론판"
    ),
}
_GOOD_SIGNS: Final = frozenset(
    "µ±½¼¾×÷²³ªº–—‘’“”„…•€™®©«»¿¡°§£№・、。，．：；？！（）「」『』【】〈〉《》ー～〜％＋－＝￥①②③④⑤㈱"
)
_FINAL: Final = frozenset("ςםןךץף")  # letters that end a word
_LETTER: Final = 3.2
_RARE: Final = 7.5
_BAD: Final = 11.0


def cost(text: str) -> float:
    """Score how unlikely ``text`` is (0: ASCII alone), to compare readings of the same bytes."""
    latin = 0.0
    foreign = {letter for letter in text if letter > "\x7f"}
    language = _language(foreign)
    total = 0.0
    scripts: dict[str, int] = {}
    for index, char in enumerate(text):
        if char < "\x80":
            if char < " " and char not in "\t\n\r\x0c\x1b":
                total += _BAD
            continue
        before = text[index - 1] if index else " "
        after = text[index + 1] if index + 1 < len(text) else " "
        script, own = _character(char)
        total += own
        if script == "LATIN":
            latin += _LETTER if char in language else _RARE
            latin += _SELDOM_LATIN.get(char, 0.0)
            latin += _latin_place(char, before, after)
        elif script in _RANKS:
            total += _alphabet_place(char, before, after)
        elif script in ("HAN", "HANGUL"):
            total += 4.0 * (_ascii_letter(before) + _ascii_letter(after) == 2)
        elif script == "HALF":
            alone = before.isspace() and after.isspace()
            total += 4.0 * (_ascii_letter(before) + _ascii_letter(after)) + 6.0 * alone
        elif script == "SIGN":
            total += _sign_place(char, before, after)
        if script not in ("SIGN", "LATIN"):
            scripts[script] = scripts.get(script, 0) + 1
    total += latin - 4.0 * min(text.count("„"), text.count("“") + text.count("”"))
    total -= 3.0 * min(text.count("«"), text.count("»"))
    east = [scripts.pop(name, 0) for name in ("HAN", "KANA", "HALF", "HANGUL")]
    # a text has one script; East Asian scripts count as one, but never kana with Hangul
    families = sorted([*scripts.values(), sum(east)])
    total += 5.0 * sum(families[:-1]) + 3.0 * min(east[1] + east[2], east[3])
    han = {char for char in foreign if _character(char)[0] in ("HAN", "HANGUL")}
    return total + _han_cost(text, han, kana=east[1] > 0)


def in_one_script(text: str) -> bool:
    """Return whether all non-Latin letters are of one script; East Asian scripts count as one."""
    scripts = {_character(char)[0] if char > "\x7f" else "ASCII" for char in text} - {"SIGN"}
    eastern = {"HAN", "KANA", "HALF", "HANGUL"}
    return bool(scripts) and (scripts <= eastern or (len(scripts) == 1 and scripts <= {*_RANKS}))


def _language(letters: set[str]) -> frozenset[str]:
    return max(_LATIN, key=lambda known: len(letters & known))


@cache
def _character(char: str) -> tuple[str, float]:
    """Return the script of a character, and the cost of the character alone.

    The cost leaves out the neighbours and the text's language. The script is ``SIGN`` for
    characters that are no letters of a known script, ``HALF`` for half-width Japanese.
    """
    code = ord(char)
    if (0x3041 <= code <= 0x30FA and code not in (0x3099, 0x309A)) or code in (
        0x30FC,
        0x30FD,
        0x30FE,
    ):
        return "KANA", 3.4 if code < 0x30A0 else 4.4
    if 0xFF66 <= code <= 0xFF9F:
        return "HALF", 4.4
    if 0x4E00 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x3400 <= code <= 0x4DBF:
        return "HAN", 0.0
    if 0xAC00 <= code <= 0xD7A3:
        return "HANGUL", 0.0
    if char in _GOOD_SIGNS or 0xFF01 <= code <= 0xFF5E or 0x3000 <= code <= 0x3002:
        return "SIGN", 4.5
    if char == "\ufffd":
        return "SIGN", 2 * _BAD
    category = unicodedata.category(char)
    if category[0] == "C" or code > 0xFFFF:
        return "SIGN", _BAD + 3.0
    name = unicodedata.name(char, "")
    if category[0] in "LM":
        script = name.partition(" ")[0]
        ranks = _RANKS.get(script)
        if ranks is not None:
            rank = ranks.get(char.lower())
            return script, _RARE + 1.0 if rank is None else 2.4 + rank * 0.09
        if script == "LATIN" and char not in "ªº":
            return "LATIN", 0.0
        return "SIGN", _BAD
    if char == "\u00a0":
        return "SIGN", 5.0
    if char in "¤¹¸¨¯´¬¦":
        return "SIGN", _BAD
    return "SIGN", _RARE if category[0] in "PN" else 8.5


def _latin_place(char: str, before: str, after: str) -> float:
    cost = 0.0
    if char.isupper():
        cost += 1.5
        if before.islower():
            cost += 6.0
    elif before.isupper() and after.isupper():
        cost += 4.0
    if not (before.isalpha() or after.isalpha()):
        cost += 3.0
    elif not (_latin_letter(before) or _latin_letter(after)):
        cost += 7.0  # alone among letters of another script
    return cost


def _alphabet_place(char: str, before: str, after: str) -> float:
    cost = 8.0 * (_ascii_letter(before) + _ascii_letter(after))
    if char.isupper():
        cost += 2.0 * (not before.isupper())
        if before.islower():
            cost += 6.0
    elif (char in _FINAL and after.isalpha()) or (
        unicodedata.category(char) == "Mn"
        and not (before.isalpha() or unicodedata.category(before) == "Mn")
    ):
        cost += 6.0
    return cost


def _sign_place(char: str, before: str, after: str) -> float:
    if before.isalpha() and after.isalpha():
        if char == "’":
            return -1.5
        return 3.0 + 3.0 * (_ascii_letter(before) and _ascii_letter(after)) if char != "·" else 0.0
    if char == "„":
        return 4.0
    return 5.0 if after.isalpha() and char in "–—®™©•°…’‘" and after not in _COMMON["ja"] else 0.0


def _han_cost(text: str, known: set[str], *, kana: bool) -> float:
    """Return the cost of ideographs and syllables in the most likely language."""
    if not known:
        return 0.0
    counts = {char: text.count(char) for char in known}

    def total(language: str) -> float:
        common = _COMMON[language]
        return sum(
            n * (5.6 if char in common else 8.4 + _rarity_cost(char, language))
            for char, n in counts.items()
        )

    return min(total(language) for language in (("ja",) if kana else _COMMON))


_LEVELS: Final = {
    "ja": ("euc_jp", 0xCF),
    "zh": ("gb2312", 0xD7),
    "zht": ("big5", 0xC6),
    "ko": ("euc_kr", 0xC8),
}


@cache
def _rarity_cost(char: str, language: str) -> float:
    """Return the cost of a character by its position in the national standard."""
    encoding, last = _LEVELS[language]
    try:
        code = char.encode(encoding)
        if len(code) == 2:  # euc_kr spells syllables that it lacks in eight bytes
            return 0.0 if code[0] <= last else 2.6
    except UnicodeEncodeError:
        pass
    return 6.0


def _ascii_letter(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _latin_letter(char: str) -> bool:
    return char.isalpha() and (char.isascii() or _character(char)[0] == "LATIN")
