"""Bounded memory of what was noted last."""

from concurrent.futures import ThreadPoolExecutor

from infraprism.sessions.recent import Recent


def test_the_last_are_remembered_and_no_more_than_twice_as_many():
    recent = Recent(100)
    for number in range(1000):
        recent.note(number, str(number))
        known = [key for key in range(number + 1) if recent.get(key) is not None]
        assert len(known) <= 200
        assert known[-100:] == list(range(max(0, number - 99), number + 1))
        assert all(recent.get(key) == str(key) for key in known)


def test_what_is_noted_again_stays():
    recent = Recent(10)
    for number in range(1000):
        recent.note("kept", number)
        recent.note(number, number)
    assert recent.get("kept") == 999
    assert recent.get(0) is None


def test_many_threads_at_once():
    recent = Recent(50)

    def note(thread):
        for number in range(2000):
            recent.note((thread, number), number)
            assert recent.get((thread, number)) in (number, None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(8)))
    assert len(recent._newer) + len(recent._older) <= 2 * 50 + 2 * 8
