"""Recall of file_search on real questions: `python -m tests.hosted.search.benchmark_search`."""

import time
from collections.abc import Callable
from pydoc_data.topics import topics

from tests.hosted.search.corpus import Corpus, load_corpus
from tests.hosted.search.search_index import SearchIndex


def recall(corpus: Corpus, search: Callable[[str], list[str]], k: int) -> float:
    """The part of the questions whose passage is among the first `k` found."""
    hits = sum(passage in search(question)[:k] for question, passage in corpus.questions)
    return hits / len(corpus.questions)


def distractors() -> dict[str, str]:
    """Some thousand paragraphs of English about something else: Python's own manual."""
    return {
        f"{name} {number}": paragraph
        for name, text in topics.items()
        for number, paragraph in enumerate(text.split("\n\n"))
    }


def main() -> None:
    corpus = load_corpus()
    for passages in (corpus.passages, corpus.passages | distractors()):
        with SearchIndex(passages) as index:
            print(f"{len(corpus.questions)} questions, {len(passages)} passages")
            for label, search in (("bm25 alone", index.bm25), ("score", index.names)):
                begun = time.perf_counter()
                figures = [f"recall@{k} {recall(corpus, search, k):.3f}" for k in (1, 3, 5, 10)]
                each = (time.perf_counter() - begun) / 4 / len(corpus.questions)
                print(f"{label:12}", *figures, f"{each * 1000:.1f} ms a question")
            for question, passage in corpus.questions:
                found = index.search(question)
                if not found or found[0][0] != passage:
                    print("  not first:", question, "→", found[:2], "wanted", passage)


if __name__ == "__main__":
    main()
