"""The prepared questions of the showcase and their scripted answers in English."""

from dataclasses import dataclass, field
from typing import Final

from bot.app.demo.scene import SIEVE, File, Scene, Texts
from bot.app.demo.script_ja import SCENES_JA, TRIP_PLAN_JA

_TRIP_PLAN: Final = """\
Kyoto in May, plan of the walking group

Train tickets there and back: 84 euros
Two nights in the guest house: 130 euros
Bicycles for one day: 18 euros
Tea ceremony on Saturday at 15:00: 25 euros

Bring rain jackets. We meet on Friday at 8:40 below the station clock.
"""

_STORY: Final = (
    "Once upon a time, a lighthouse keeper counted the ships that passed. **One** carried oranges, "
    "and its captain sang. **Two** carried letters, and nobody aboard knew how many. "
)
_MORE: Final = (
    "The keeper wrote each one into a book, with the hour and the weather, and lit the lamp again. "
)
_RESTART: Final = (
    "A question is stored before anything else happens to it. Then each step of the answer is "
    "stored: the message on the thread, the run, the state of the reply. "
)
_RECOVERY: Final = (
    "A process that is killed leaves these rows behind. The next process reads them, finds the "
    "unfinished run, asks the model once more and edits the same reply, so that "
    "nobody has to ask again. "
)

TRIP_FILE: Final[File] = (("trip.txt", "旅行.txt"), (_TRIP_PLAN, TRIP_PLAN_JA))


@dataclass(frozen=True, slots=True)
class Chip:
    """A prepared question of a channel; ``files`` are sent with it."""

    channel: str
    text: Texts
    files: tuple[File, ...] = field(default=())


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

_SCENES_EN: Final = (
    Scene(
        r"why is the sky blue",
        "Why the sky is blue",
        "Sunlight holds all colours, and air scatters **short waves far more than long ones**.\n"
        "- Blue light has a short wave, so it comes to your eyes from everywhere in the sky.\n"
        "- Red light mostly goes straight on. In the evening its way through the air is long, so "
        "red is what is left.\n\n"
        "The effect is called *Rayleigh scattering*: half the wavelength, sixteen times the "
        "scattering.",
        30,
    ),
    Scene(
        r"primes",
        "Primes below 10,000",
        "There are **{result}** primes below 10,000. I counted them with a sieve; press *Show "
        "steps* to see the code that ran.",
        call=("code_interpreter", {"code": SIEVE}),
        before="Let me count them. ",
    ),
    Scene(
        r"roll the dice",
        "Dice for the game",
        "You allowed it, so I rolled three dice: **{result}**. Good luck!",
        call=("roll_dice", {"dice": "3d6"}),
    ),
    Scene(
        r"compare python, rust and go",
        "Python, Rust and Go",
        "| | Python | Rust | Go |\n| --- | --- | --- | --- |\n"
        "| typing | dynamic | static | static |\n"
        "| memory | collector | ownership | collector |\n"
        "| starts as | script | binary | binary |\n"
        "| good at | data, glue | engines | services |\n\n"
        "For a first project take **Python**: you see results soonest.",
    ),
    Scene(
        r"trip cost",
        "The cost of the trip",
        "The plan adds up to **257 euros** for each person:\n"
        "1. train 84\n2. guest house 130\n3. bicycles 18\n4. tea ceremony 25\n\n"
        "You meet on Friday at 8:40 below the station clock.",
        needs=r"guest house: 130",
        otherwise="I see no plan here. Attach *trip.txt* to the question: the chip does that.",
    ),
    Scene(r"long story", "The lighthouse keeper", _STORY + _MORE * 40, 14),
    Scene(
        r"better time",
        "When to meet",
        "Ben's message says that the museum opens at 10 and the group meets at 9:30. **9:50** is "
        "better: ten minutes are enough for the way from the station, and nobody waits outside.",
        needs=r"museum",
        otherwise="I see no message that this is about. Reply to Ben's message about the museum.",
    ),
    Scene(
        r"where does the quadratic formula come from",
        "The quadratic formula",
        "Divide $ax^2 + bx + c = 0$ by $a$ and complete the square:\n\n"
        "$$\\left(x + \\frac{b}{2a}\\right)^2 = \\frac{b^2 - 4ac}{4a^2}$$\n\n"
        "Take the root on both sides:\n\n"
        "$$x = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}$$\n\n"
        "The part $b^2 - 4ac$ decides how many real solutions there are.",
        pause=0.8,
    ),
    Scene(
        r"undo my last commit",
        "Undo the last commit",
        "Keep the changes and drop the commit:\n```sh\ngit reset --soft HEAD~1\n```\n"
        "If the commit is pushed already, add one that reverses it instead:\n"
        "```sh\ngit revert HEAD\n```",
    ),
    Scene(
        r"survive a restart",
        "Surviving a restart",
        _RESTART + _RECOVERY + "That is why a kill costs **no question and no answer**.",
        9,
    ),
)

SCENES: Final = (*_SCENES_EN, *SCENES_JA)

UNKNOWN: Final[Texts] = (
    "I am the **scripted showcase model**: I know the prepared questions only. Take one of the "
    "chips above the message box, or choose a real model at the top of the page, which then "
    "answers anything.",
    "私は**台本どおりに答えるモデル**です。入力欄の上の質問を選ぶか、ページ上部で本物のモデルに"
    "切り替えてください。本物のモデルは何にでも答えます。",
)


def scene_for(question: str) -> Scene | None:
    """Return the scene that a question asks for; None if nothing is prepared for it."""
    return next((scene for scene in SCENES if scene.matches(question)), None)
