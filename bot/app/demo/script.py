"""The prepared questions of the showcase and their scripted answers, in English and Japanese."""

from dataclasses import dataclass
from typing import Final

from bot.app.demo.scene import SIEVE, File, Scene, Texts

_TRIP_PLAN: Final = """\
Kyoto in May, plan of the walking group

Train tickets there and back: 84 euros
Two nights in the guest house: 130 euros
Bicycles for one day: 18 euros
Tea ceremony on Saturday at 15:00: 25 euros

Bring rain jackets. We meet on Friday at 8:40 below the station clock.
"""

_TRIP_PLAN_JA: Final = """\
5月の京都、ウォーキングの会の計画

電車の往復: 14,000円
ゲストハウス2泊: 21,000円
自転車1日: 3,000円
土曜15:00のお茶会: 4,000円

雨具を持ってくること。金曜8:40に駅の時計の下に集合。
"""

_STORY: Final = (
    "Once upon a time, a lighthouse keeper counted the ships that passed. **One** carried oranges, "
    "and its captain sang. **Two** carried letters, and nobody aboard knew how many. "
)
_MORE: Final = (
    "The keeper wrote each one into a book, with the hour and the weather, and lit the lamp again. "
)
_STORY_JA: Final = (
    "昔々、灯台守が通り過ぎる船を数えていました。**1隻目**はみかんを積み、船長は歌を歌っていました。"
    "**2隻目**は手紙を運んでいましたが、何通あるのかは誰も知りませんでした。"
)
_MORE_JA: Final = "灯台守は、船を1隻ずつ時刻と天気とともに帳面に書き、また明かりをともしました。"

TRIP_FILE: Final[File] = (("trip.txt", "旅行.txt"), (_TRIP_PLAN, _TRIP_PLAN_JA))


@dataclass(frozen=True, slots=True)
class Chip:
    """A prepared question that the page offers in a channel; ``files`` are sent with it."""

    channel: str
    text: Texts
    files: tuple[File, ...] = ()


SKY: Final = ("Why is the sky blue?", "空はなぜ青いのですか？")
PRIMES: Final = (
    "How many primes are there below 10,000?",
    "10,000より小さい素数はいくつありますか？",
)
STORY: Final = ("Tell me a very long story", "とても長い物語を聞かせて")
MEETING: Final = ("Is there a better time to meet?", "もっといい集合時間はありますか？")
FORMULA: Final = (
    "Where does the quadratic formula come from?",
    "二次方程式の解の公式はどうやって導きますか？",
)
TRIP: Final = ("What does this trip cost in total?", "この旅行は全部でいくらかかりますか？")
DICE: Final = ("Roll the dice for our game", "ゲームのサイコロを振って")
RESTART: Final = ("How do you survive a restart?", "再起動してもなぜ回答は失われないのですか？")

CHIPS: Final = (
    Chip("general", SKY),
    Chip("general", PRIMES),
    Chip("general", ("Compare Python, Rust and Go in a table", "Python、Rust、Goを表で比べて")),
    Chip("general", TRIP, (TRIP_FILE,)),
    Chip("general", STORY),
    Chip("general", DICE),
    Chip("maths", FORMULA),
    Chip("maths", PRIMES),
    Chip("日本語", (SKY[1], SKY[1])),
    Chip("日本語", (FORMULA[1], FORMULA[1])),
    Chip("help", ("How do I undo my last commit?", "直前のコミットを取り消すには？")),
)

SCENES: Final = (
    Scene(
        (r"why is the sky blue", r"空はなぜ青い"),
        ("Why the sky is blue", "空が青い理由"),
        (
            "Sunlight holds all colours, and air scatters **short waves far more than long "
            "ones**.\n"
            "- Blue light has a short wave, so it comes to your eyes from everywhere in the sky.\n"
            "- Red light mostly goes straight on. In the evening its way through the air is long, "
            "so red is what is left.\n\n"
            "The effect is called *Rayleigh scattering*: half the wavelength, sixteen times the "
            "scattering.",
            "太陽の光にはすべての色が含まれています。空気は**波長の短い光ほど強く散乱**します。\n"
            "- 青い光は波長が短いので、空のあらゆる方向から目に届きます。\n"
            "- 夕方は光が空気の中を長く通るため、赤い光だけが残ります。\n\n"
            "この現象を*レイリー散乱*といいます。",
        ),
        words_per_second=30,
    ),
    Scene(
        (r"primes", r"素数"),
        ("Primes below 10,000", "10,000より小さい素数"),
        (
            "There are **{result}** primes below 10,000. I counted them with a sieve; press *Show "
            "steps* to see the code that ran.",
            "10,000より小さい素数は**{result}**個です。ふるいを使って数えました。実行したコードは"
            "「手順を表示」で見られます。",
        ),
        call=("code_interpreter", {"code": SIEVE}),
        before=("Let me count them. ", "数えてみます。"),
    ),
    Scene(
        (r"roll the dice", r"サイコロ"),
        ("Dice for the game", "ゲームのサイコロ"),
        (
            "You allowed it, so I rolled three dice: **{result}**. Good luck!",
            "許可をいただいたので、サイコロを3つ振りました：**{result}**。幸運を祈ります！",
        ),
        call=("roll_dice", {"dice": "3d6"}),
    ),
    Scene(
        (r"compare python, rust and go", r"Goを表で"),
        ("Python, Rust and Go", "PythonとRustとGo"),
        (
            "| | Python | Rust | Go |\n| --- | --- | --- | --- |\n"
            "| typing | dynamic | static | static |\n"
            "| memory | collector | ownership | collector |\n"
            "| starts as | script | binary | binary |\n"
            "| good at | data, glue | engines | services |\n\n"
            "For a first project take **Python**: you see results soonest.",
            "| | Python | Rust | Go |\n| --- | --- | --- | --- |\n"
            "| 型付け | 動的 | 静的 | 静的 |\n"
            "| メモリ | GC | 所有権 | GC |\n"
            "| 実行形式 | スクリプト | バイナリ | バイナリ |\n"
            "| 得意分野 | データ処理 | エンジン | サービス |\n\n"
            "最初のプロジェクトなら、すぐに結果が見える**Python**がおすすめです。",
        ),
    ),
    Scene(
        (r"trip cost", r"旅行は全部で"),
        ("The cost of the trip", "旅行の費用"),
        (
            "The plan adds up to **257 euros** for each person:\n"
            "1. train 84\n2. guest house 130\n3. bicycles 18\n4. tea ceremony 25\n\n"
            "You meet on Friday at 8:40 below the station clock.",
            "計画の合計は1人**42,000円**です。\n"
            "1. 電車 14,000円\n2. ゲストハウス 21,000円\n3. 自転車 3,000円\n4. お茶会 4,000円\n\n"
            "金曜8:40に駅の時計の下に集合です。",
        ),
        needs=r"guest house: 130|ゲストハウス2泊",
        otherwise=(
            "I see no plan here. Attach *trip.txt* to the question: the chip does that.",
            "計画が見当たりません。下の質問ボタンを使うと*旅行.txt*が添付されます。",
        ),
    ),
    Scene(
        (r"long story", r"長い物語"),
        ("The lighthouse keeper", "灯台守"),
        (_STORY + _MORE * 40, _STORY_JA + _MORE_JA * 40),
        words_per_second=14,
    ),
    Scene(
        (r"better time", r"集合時間"),
        ("When to meet", "集合時間"),
        (
            "Ben's message says that the museum opens at 10 and the group meets at 9:30. **9:50** "
            "is better: ten minutes are enough for the way from the station, and nobody waits "
            "outside.",
            "Benのメッセージによると、美術館は10時に開き、集合は9時半です。駅からは10分で着くので、"
            "**9時50分**なら誰も外で待たずに済みます。",
        ),
        needs=r"museum",
        otherwise=(
            "I see no message that this is about. Reply to Ben's message about the museum.",
            "どのメッセージのことか分かりません。美術館についてのBenのメッセージに返信してください。",
        ),
    ),
    Scene(
        (r"where does the quadratic formula come from", r"解の公式"),
        ("The quadratic formula", "二次方程式の解の公式"),
        (
            "Divide $ax^2 + bx + c = 0$ by $a$ and complete the square:\n\n"
            "$$\\left(x + \\frac{b}{2a}\\right)^2 = \\frac{b^2 - 4ac}{4a^2}$$\n\n"
            "Take the root on both sides:\n\n"
            "$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$\n\n"
            "The part $b^2 - 4ac$ decides how many real solutions there are.",
            "$ax^2 + bx + c = 0$の両辺を$a$で割り、平方完成します。\n\n"
            "$$\\left(x + \\frac{b}{2a}\\right)^2 = \\frac{b^2 - 4ac}{4a^2}$$\n\n"
            "両辺の平方根を取ります。\n\n"
            "$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$\n\n"
            "$b^2 - 4ac$の符号で実数解の個数が決まります。",
        ),
        pause=0.8,
    ),
    Scene(
        (r"undo my last commit", r"コミットを取り消す"),
        ("Undo the last commit", "直前のコミットの取り消し"),
        (
            "Keep the changes and drop the commit:\n```sh\ngit reset --soft HEAD~1\n```\n"
            "If the commit is pushed already, add one that reverses it instead:\n"
            "```sh\ngit revert HEAD\n```",
            "変更を残してコミットだけを取り消します。\n```sh\ngit reset --soft HEAD~1\n```\n"
            "すでにプッシュした場合は、打ち消すコミットを追加します。\n```sh\ngit revert HEAD\n```",
        ),
    ),
    Scene(
        (r"survive a restart", r"再起動しても"),
        ("Surviving a restart", "再起動と回答"),
        (
            "A question is stored before anything else happens to it. Then each step of the answer "
            "is stored: the message on the thread, the run, the state of the reply. A process that "
            "is killed leaves these rows behind. The next process reads them, finds the unfinished "
            "run, asks the model once more and edits the same reply, so that nobody has to ask "
            "again. "
            "That is why a kill costs **no question and no answer**.",
            "質問は、何よりも先に保存されます。続いて、スレッドへのメッセージ、実行、返信の状態など、"
            "回答までの各段階が保存されます。強制終了されても、これらの記録は残ります。"
            "次に起動したプロセスは記録を読み、終わっていない実行を見つけ、モデルにもう一度尋ねて、"
            "同じ返信を編集します。質問し直す必要はありません。"
            "だから、強制終了しても**質問も回答も失われません**。",
        ),
        words_per_second=9,
    ),
)

UNKNOWN: Final[Texts] = (
    "I am the **scripted showcase model**: I know the prepared questions only. Take one of the "
    "chips above the message box, or choose a real model at the top of the page, which then "
    "answers anything.",
    "私は**台本どおりに答えるモデル**です。入力欄の上の質問を選ぶか、ページ上部で本物のモデルに"
    "切り替えてください。本物のモデルは何にでも答えます。",
)


def scene_for(text: str) -> tuple[Scene, int] | None:
    """Return the scene that a text asks for, and its language as an index of ``Texts``.

    Returns None if nothing is prepared for the text.
    """
    return next(((scene, at) for at in (0, 1) for scene in SCENES if scene.matches(text, at)), None)
