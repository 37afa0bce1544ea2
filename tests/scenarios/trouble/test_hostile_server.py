"""A server elsewhere in every kind of trouble: the question is answered, or the person is told."""

import email.utils
import gzip
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.assistants.errors import INTERRUPTED_RUN
from bot.chat.texts import sentences
from tests.scenarios.community import answer, is_final
from tests.scenarios.hostile import (
    CUT_OFF,
    GONE,
    SECRET,
    Case,
    Endless,
    absurd,
    always,
    bored,
    both,
    deleted,
    deletes,
    ends_there,
    hostile,
    left_running,
    on_first_thread,
    once,
    refuses_streams,
    rising,
    said_to_be,
    survive,
    unstreamed,
)
from tests.scenarios.hostile_front import (
    Act,
    Operation,
    answers,
    breaks_off,
    changes,
    chunk,
    cuts,
    does_and,
    drips,
    hangs,
    refuses,
    spells,
    streams,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HTML = b"<!doctype html><title>Welcome</title>"
WAYS: Mapping[str, Act] = {
    "hangs": hangs,
    "cut-at-once": cuts(),
    "cut-in-headers": cuts(HEAD),
    "cut-in-body": cuts(HEAD + b"Content-Length: 99\r\n\r\n{"),
    "no-http": cuts(b"220 mail.example ESMTP\r\n\r\n"),
    "slow-headers": drips(HEAD, b"X-Wait: 1\r\n", 0.2),
    "slow-body": drips(HEAD + b"Content-Length: 9999\r\n\r\n", b" ", 0.2),
    "early-hints": drips(b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 0.2),
    "endless-body": drips(HEAD + b"\r\n", b" " * 100_000, 0.0),
    "endless-error": drips(HEAD.replace(b"200 OK", b"500 No") + b"\r\n", b"x" * 100_000, 0.0),
    "page": answers(HTML, content_type="text/html"),
    "bad-gateway": answers(HTML, 502, content_type="text/html"),
    "empty": answers(b""),
    "empty-503": answers(b"", 503),
    "half": answers(b'{"id": "msg_1", "object": "thr'),
    "list": answers([]),
    "null": answers(None),
    "no-id": answers({"object": "thread.run", "created_at": 1}),
    "types": answers({"id": 7, "created_at": "now", "status": None, "data": "x", "content": 1}),
    "no-gzip": answers(HTML, headers={"Content-Encoding": "gzip"}),
    "bomb": answers(gzip.compress(b" " * 4_000_000), headers={"Content-Encoding": "gzip"}),
    "redirect": answers(b"", 307, headers={"Location": f"http://127.0.0.1:1/?key={SECRET}"}),
    "429": refuses(429, headers={"Retry-After": "2"}),
    "429-date": refuses(
        429, headers={"Retry-After": email.utils.formatdate(time.time() + 1, usegmt=True)}
    ),
    "429-negative": refuses(429, headers={"Retry-After": "-5"}),
    "429-words": refuses(429, headers={"Retry-After": "soon"}),
    "500": refuses(500, f"No luck with {SECRET}."),
    "504": refuses(504, headers={"Retry-After": "1"}),
}
COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
EVERYTHING: tuple[Operation, ...] = (
    "create_thread",
    "create_message",
    "create_run",
    "list_messages",
    "list_runs",
    "retrieve_run",
)


async def test_an_operation_that_a_troubled_server_did_not_do_is_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cases = [
        Case(name, once(*EVERYTHING, act=act), asked_before=False) for name, act in WAYS.items()
    ]
    await survive(tmp_path, cases, caplog)


async def test_an_operation_whose_response_is_lost_is_not_repeated(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cases = [
        Case(f"done-{name}", once(*EVERYTHING, act=does_and(act)), asked_before=False)
        for name, act in WAYS.items()
        if not name.startswith("429")
    ]
    await survive(tmp_path, cases, caplog)


async def test_a_server_that_refuses_for_good_is_told_in_a_sentence_and_retry_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong_key = refuses(401, f"Incorrect API key provided: {SECRET}.")
    moved = answers(b"", 308, headers={"Location": f"http://127.0.0.1:1/{SECRET}"})
    cases = [
        Case("401", always(create_message=wrong_key), ends="not_allowed"),
        Case("403", always(create_run=refuses(403, f"{SECRET} may not.")), ends="not_allowed"),
        Case("404-page", always(create_run=answers(HTML, 404)), ends="assistant_gone"),
        Case("assistant", always(create_run=refuses(404, "No assistant.")), ends="assistant_gone"),
        Case("429-absurd", always(create_run=absurd(429)), ends="rate_limited"),
        Case("503-absurd", always(create_message=absurd(503)), ends="unreachable"),
        Case("moved", always(create_message=moved), ends="unreachable"),
        Case("page-always", always(create_run=answers(HTML)), ends="unreachable"),
        Case("no-threads", always(create_message=GONE, retrieve_thread=GONE), ends="refused"),
        Case("no-runs", always(create_run=GONE, retrieve_thread=GONE), ends="refused"),
        Case(
            "no-thread-made",
            always(create_thread=refuses(500)),
            ends="unreachable",
            asked_before=False,
        ),
    ]
    await survive(tmp_path, cases, caplog)


async def test_where_nobody_listens_for_a_while_it_is_waited_for_and_then_told(
    tmp_path: Path,
) -> None:
    async with hostile(tmp_path) as world:
        whole, front = world.whole, world.front
        await world.asks(whole.general, "before", 1)
        await front.stop()
        await whole.ask("soon back")
        await whole.in_state(2, "placed")
        await front.start()
        assert answer(await whole.finished(whole.general, 2)) == "soon back"
        await front.stop()
        await whole.ask("long away")
        reply = await whole.finished(whole.general, 3)
        assert reply.content == sentences.failure("unreachable")
        await front.start()
        await whole.ada.click(reply, "Retry")
        await whole.until(lambda: is_final(reply) and answer(reply) == "long away")
        told = await whole.on_thread(whole.general)
        asked = ("before", "soon back", "long away")
        assert told == [(role, text) for text in asked for role in ("user", "assistant")]


async def test_a_stream_can_break_in_any_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = {"error": {"message": f"{SECRET} is broken", "type": "server_error"}}
    alive = drips(b"", chunk(b": still here\n\n"), 0.05)
    flood = spells(
        "thread.message.delta",
        {
            "id": "msg_1",
            "object": "thread.message.delta",
            "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "x" * 9_000}}]},
        },
    )
    rubbish = (
        b"\xff\xfe\x00 rubbish: yes\nid\nretry: soon\n\n"
        + spells("thread.weather.sunny", {"sun": 1})
        + spells("thread.message.delta", {"id": "msg_0", "delta": {"content": [{"type": "x"}]}})
        + b"event: thread.run.queued\ndata: {half\n\n"
    )
    breaks: dict[str, Act] = {
        **{f"cut-behind-{count}": breaks_off(count, cuts()) for count in (0, 1, 3, 6)},
        "cut-in-event": breaks_off(2, cuts(chunk(b"event: thread.run.in_pro"))),
        "cut-in-chunk": breaks_off(2, cuts(b"fff\r\nevent: thread.run")),
        "silent": breaks_off(2, hangs),
        "no-done": breaks_off(4, ends_there),
        "error": breaks_off(3, cuts(chunk(spells("error", error)))),
        "error-of-words": breaks_off(3, cuts(chunk(spells("error", "oh no")))),
        "error-first": streams(spells("error", error)),
        "rubbish": breaks_off(2, cuts(chunk(rubbish))),
        "only-alive-behind-1": breaks_off(1, alive),
        "only-alive": drips(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            chunk(b": still here\n\n"),
            0.05,
        ),
        "endless-line": breaks_off(1, drips(b"", chunk(b"x" * 500_000), 0.0)),
        "empty-stream": streams(b""),
        "page-stream": streams(HTML),
        "other-ids": streams(spells("thread.run.created", {"id": "run_x", "object": "thread.run"})),
        "not-streamed": unstreamed,
        "stream-refused": refuses(400, "'stream' is not supported.", param="stream"),
    }
    cases = [Case(name, once("create_run", act=act)) for name, act in breaks.items()]
    cases[-1].begin = always(create_run=refuses_streams)
    cases.append(
        Endless("endless-text", once("create_run", act=breaks_off(2, drips(b"", chunk(flood), 0))))
    )
    await survive(tmp_path, cases, caplog)


async def test_a_turn_ends_however_its_run_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def failed(code: object) -> dict[str, object]:
        return {"status": "failed", "last_error": {"code": code, "message": f"{SECRET} is wrong"}}

    waiting = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": []},
    }
    unknown = {
        "type": "submit_tool_outputs",
        "submit_tool_outputs": {"tool_calls": [{"id": "call_1", "type": "hologram"}]},
    }
    cases = [
        Case("queued", said_to_be(10, status="queued"), ends="expired"),
        Case("in-progress", said_to_be(10, status="in_progress"), ends="expired"),
        Case("cancelling", said_to_be(10, status="cancelling"), ends="expired"),
        Case(
            "action",
            said_to_be(10, status="requires_action", required_action=waiting),
            ends="expired",
        ),
        Case("action-null", said_to_be(10, status="requires_action"), ends="expired"),
        Case(
            "action-unknown",
            said_to_be(status="requires_action", required_action=unknown),
            ends="unreachable",
        ),
        Case("bored", said_to_be(10, status="bored"), ends="expired"),
        Case("expired", said_to_be(status="expired"), ends="expired"),
        Case("server-error", said_to_be(**failed("server_error")), ends="model_failed"),
        Case("rate-limit", said_to_be(**failed("rate_limit_exceeded")), ends="rate_limited"),
        Case("invalid-prompt", said_to_be(**failed("invalid_prompt")), ends="rejected"),
        Case("unknown-code", said_to_be(**failed("weather")), ends="model_failed"),
        Case(
            "interrupted",
            said_to_be(
                status="failed",
                last_error={"code": "server_error", "message": INTERRUPTED_RUN},
            ),
            ends="gave_up",
        ),
        Case("failed-why", said_to_be(status="failed", last_error=None), ends="model_failed"),
        Case("error-of-null", said_to_be(**failed(None)), ends="unreachable"),
        Case("no-such-cost", said_to_be(status="completed", usage=dict.fromkeys(COUNTS, 10**30))),
        Case("incomplete", said_to_be(status="incomplete")),
        Case(
            "extra-words", said_to_be(status="completed", extra={"x": [1]}, tools=[{"type": "x"}])
        ),
        Case("run-gone", both(CUT_OFF, always(retrieve_run=refuses(404))), ends="model_failed"),
        Case("run-401", both(CUT_OFF, always(retrieve_run=refuses(401))), ends="not_allowed"),
        Case("run-hangs", both(CUT_OFF, always(retrieve_run=hangs)), ends="unreachable"),
    ]
    await survive(tmp_path, cases, caplog)


async def test_lists_can_be_ordered_filtered_and_cut_into_pages_as_a_server_likes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lost = does_and(cuts())
    upwards = always(list_messages=rising, list_runs=rising, list_steps=rising)
    endless = changes(lambda page: page | {"has_more": True})
    untold = changes(lambda page: page | {"data": [x | {"run_id": None} for x in page["data"]]})
    all_lists = ("list_messages", "list_runs", "list_steps")
    cases = [
        Case("rising-posted", both(upwards, once("create_message", act=lost))),
        Case("rising-begun", both(upwards, once("create_run", act=lost))),
        Case("rising-said", both(upwards, CUT_OFF)),
        Case("rising-carried", both(deleted, upwards, CUT_OFF)),
        Case("endless", both(always(**dict.fromkeys(all_lists, endless)), CUT_OFF)),
        Case(
            "endless-posted", both(always(list_messages=endless), once("create_message", act=lost))
        ),
        Case("whose", both(always(list_messages=untold), CUT_OFF)),
        Case("steps-405", both(always(list_steps=refuses(405)), CUT_OFF)),
        Case("steps-hang", both(always(list_steps=hangs), CUT_OFF)),
        Case("steps-500", both(always(list_steps=refuses(500)), CUT_OFF)),
    ]
    await survive(tmp_path, cases, caplog)


async def test_the_conversation_moves_from_a_lost_locked_or_full_thread_to_a_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    locked = "Thread {} already has an active run run_nobody."
    posting = "Can't add messages to {} while a run run_nobody is active."
    full = "Thread {} already has the maximum of 100000 messages."
    cases = [
        Case("deleted", deleted),
        Case("deleted-before-run", once("create_run", act=deletes)),
        Case("deleted-in-run", once("create_run", act=breaks_off(2, deletes)), ends="model_failed"),
        Case(
            "410",
            both(
                *(
                    on_first_thread(what, 410, "Gone.")
                    for what in ("create_message", "retrieve_thread")
                )
            ),
        ),
        Case("locked", on_first_thread("create_run", 400, locked)),
        Case("locked-409", on_first_thread("create_run", 409, locked)),
        Case("locked-posting", on_first_thread("create_message", 400, posting)),
        Case("left-running", left_running()),
        Case("left-uncancelled", left_running(cancel=answers({"id": "run_x"}))),
        Case("left-uncancellable", left_running(cancel=refuses(400, "Cannot cancel."))),
        Case("left-cancel-hangs", left_running(cancel=hangs)),
        Case("full", on_first_thread("create_message", 400, full)),
        Case(
            "no-carrying",
            both(deleted, once("create_thread", act=refuses(400, "role"))),
            carried=False,
        ),
        Case(
            "unreadable-runs",
            both(
                on_first_thread("create_run", 400, locked),
                always(list_runs=changes(bored), retrieve_run=changes(bored)),
            ),
        ),
    ]
    await survive(tmp_path, cases, caplog)
