"""The steps of the demo's tour, in English and Japanese."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.app.demo.scene import File, Texts, both, files_payload
from bot.app.demo.script import DICE, FORMULA, MEETING, PRIMES, RESTART, SKY, STORY, TRIP, TRIP_FILE


@dataclass(frozen=True, slots=True)
class TourButton:
    """A button of a step: what the page does when it is pressed.

    ``does``: "ask" (in ``channel``), "reply" (to the message ``to``), "cancel", "approve", "kill".
    """

    label: Texts
    does: str
    channel: str = ""
    text: Texts = ("", "")
    to: str = ""
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class TourStep:
    """A step of the tour; it is done once the page sees ``until``.

    ``until``: "answer" (the open channel thread has a complete answer), "cancelled", or "recovered"
    (the bot was gone, is back, and has completed the answer).
    """

    title: Texts
    text: Texts
    until: str
    buttons: tuple[TourButton, ...]

    def payload(self, channels: Mapping[str, int], messages: Mapping[str, int]) -> dict[str, Any]:
        """Return the step in the JSON form that the page reads; ids take the place of names."""
        return {
            "title": both(self.title),
            "text": both(self.text),
            "until": self.until,
            "buttons": [
                {
                    "label": both(one.label),
                    "does": one.does,
                    "channel_id": str(channels[one.channel]) if one.channel else None,
                    "message_id": str(messages[one.to]) if one.to else None,
                    "text": both(one.text),
                    "files": files_payload(one.files),
                }
                for one in self.buttons
            ],
        }


_ASK: Final = ("Ask", "質問する")

TOUR: Final = (
    TourStep(
        ("Ask", "質問する"),
        (
            "Mention the bot in a channel. It opens a channel thread for the question, replies "
            "“thinking…” and edits that reply until it is the answer.",
            "チャンネルでボットをメンションします。ボットは質問ごとにスレッドを作り、"
            "「考え中…」の返信を編集しながら回答にします。",
        ),
        "answer",
        (TourButton(_ASK, "ask", "general", SKY),),
    ),
    TourStep(
        ("Watch it work", "作業を見る"),
        (
            "Here the model runs code. The reply says what the run does; afterwards “Show steps” "
            "below the answer lists each call with its time.",
            "モデルがコードを実行します。途中経過は返信に表示され、終わったら"
            "回答の下のボタンで各ステップを確認できます。",
        ),
        "answer",
        (TourButton(_ASK, "ask", "general", PRIMES),),
    ),
    TourStep(
        ("Cancel", "キャンセルする"),
        (
            "A long answer has begun? “Cancel” below it stops the run and keeps the text so far.",
            "長すぎる回答は「キャンセル」で止められます。それまでの文章は残ります。",
        ),
        "cancelled",
        (
            TourButton(_ASK, "ask", "general", STORY),
            TourButton(("Press Cancel", "キャンセルを押す"), "cancel"),
        ),
    ),
    TourStep(
        ("Reply to a message", "メッセージに返信する"),
        (
            "A question is also what it points at. Reply to somebody's message and mention the "
            "bot: it reads that message, too.",
            "他の人のメッセージに返信してボットをメンションすると、"
            "ボットはそのメッセージも読みます。",
        ),
        "answer",
        (TourButton(("Reply to Ben", "Benに返信する"), "reply", "general", MEETING, "museum"),),
    ),
    TourStep(
        ("A formula", "数式"),
        (
            "Discord shows no LaTeX. The bot draws formulas as pictures, with alt text.",
            "DiscordはLaTeXを表示できません。ボットは数式を代替テキスト付きの画像にします。",
        ),
        "answer",
        (TourButton(_ASK, "ask", "maths", FORMULA),),
    ),
    TourStep(
        ("A document", "文書"),
        (
            "Attach a file, here a text: the bot reads PDF, Word, Excel, code and more.",
            "ファイルを添付すると内容を読みます。PDF、Word、Excel、コードなどに対応しています。",
        ),
        "answer",
        (
            TourButton(
                ("Send trip.txt", "旅行.txtを送る"), "ask", "general", TRIP, files=(TRIP_FILE,)
            ),
        ),
    ),
    TourStep(
        ("Approve a tool", "ツールを許可する"),
        (
            "A function that may change something waits for a person. Here, a rule asks before the "
            "dice are rolled; the run waits for your decision.",
            "何かを変更する可能性のある関数は、人の許可を待ちます。このデモでは、"
            "サイコロを振る前に許可を求めるルールを設定しています。",
        ),
        "answer",
        (
            TourButton(_ASK, "ask", "general", DICE),
            TourButton(("Allow it once", "1回だけ許可を押す"), "approve"),
        ),
    ),
    TourStep(
        ("Kill the bot and watch it recover", "ボットを強制終了して復帰を見る"),
        (
            "Ask, then kill the bot while it answers. Its process really ends (SIGKILL). After "
            "three seconds it starts again and completes the same reply.",
            "回答の途中でボットを強制終了します（SIGKILL）。"
            "3秒後に再起動し、同じ返信を最後まで書き上げます。",
        ),
        "recovered",
        (
            TourButton(_ASK, "ask", "general", RESTART),
            TourButton(("Kill the bot", "ボットを強制終了"), "kill"),
        ),
    ),
)
