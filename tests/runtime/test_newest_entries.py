from bot.runtime.newest_entries import NewestEntries


def test_the_entry_that_was_set_longest_ago_leaves() -> None:
    entries = NewestEntries[str, int](2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        entries[key] = value
    assert entries == {"a": 3, "c": 4}
