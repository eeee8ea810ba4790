"""The spool's files: what is written is read, whatever happened to the files in between."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from infraprism_exporter_otlp import homes, upkeep
from infraprism_exporter_otlp.counts import Counts
from infraprism_exporter_otlp.frames import HEAD, ITEM, MARK, MAX_PAYLOAD, Group, group_frame, item_frame
from infraprism_exporter_otlp.outbox import DAMAGED, Outbox
from infraprism_exporter_otlp.segment_reader import SegmentReader
from infraprism_exporter_otlp.spool import Spool

GROUP = Group(b"resource", b"scope")
MIB = 2**20


def written(folder: Path, items: list[bytes], limit: int = 64 * MIB, counts: Counts | None = None) -> Spool:
    spool = Spool(folder, limit, counts or Counts(), fsync=False)
    for item in items:
        spool.append(GROUP, item)
    return spool


def contents(outbox: Outbox) -> list[bytes]:
    found = []
    while (batch := outbox.take()) is not None:
        found += [item.content for item in batch.items]
        outbox.done(batch)
    return found


def adopted(folder: Path, counts: Counts | None = None) -> Outbox:
    [path] = homes.siblings(folder)
    home = homes.adopt(path)
    assert home is not None
    return Outbox(home, counts or Counts(), is_own=False)


def segment(folder: Path) -> Path:
    [path] = folder.glob("*/*.segment")
    return path


def test_items_come_in_order_with_their_group(tmp_path: Path) -> None:
    items = [b"%d" % number * 50 for number in range(2000)]
    spool = written(tmp_path, items)
    assert spool.outbox is not None
    batch = spool.outbox.take()
    assert batch is not None
    assert [(item.group.resource, item.group.scope) for item in batch.items] == [
        (b"resource", b"scope")
    ] * 512
    spool.outbox.done(batch)
    assert [item.content for item in batch.items] + contents(spool.outbox) == items
    spool.append(GROUP, b"later")
    assert contents(spool.outbox) == [b"later"]


def test_what_was_delivered_is_not_given_to_who_adopts_it(tmp_path: Path) -> None:
    spool = written(tmp_path, [b"%d" % number for number in range(600)])
    assert spool.outbox is not None
    batch = spool.outbox.take()
    assert batch is not None
    spool.outbox.done(batch)
    spool.outbox.take()  # and it dies before that is accepted
    spool.close(is_delivered=False)
    assert contents(adopted(tmp_path)) == [b"%d" % number for number in range(512, 600)]


def test_the_spool_of_a_living_process_is_not_adopted(tmp_path: Path) -> None:
    spool = written(tmp_path, [b"item"])
    [path] = homes.siblings(tmp_path)
    assert homes.adopt(path) is None
    spool.close(is_delivered=False)
    first = homes.adopt(path)
    assert first is not None
    assert homes.adopt(path) is None
    first.release(remove=True)
    assert path.exists()  # there is a segment in it still


@pytest.mark.parametrize("at", range(10))
def test_a_damaged_frame_costs_no_other(tmp_path: Path, at: int) -> None:
    items = [b"item %d" % number for number in range(10)]
    spool = written(tmp_path, items)
    spool.close(is_delivered=False)
    path = segment(tmp_path)
    content = bytearray(path.read_bytes())
    content[content.index(items[at])] ^= 0xFF
    path.write_bytes(content)
    counts = Counts()
    assert contents(adopted(tmp_path, counts)) == items[:at] + items[at + 1 :]
    assert counts.damaged_files == 1
    assert [each.name for each in (tmp_path / "damaged").iterdir()] == [f"{path.parent.name}-{path.name}"]


def test_damage_of_any_byte_costs_at_most_what_is_there(tmp_path: Path) -> None:
    items = [b"item %d" % number for number in range(4)]
    written(tmp_path, items).close(is_delivered=False)
    path = segment(tmp_path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        reader = SegmentReader(path)
        found = [item.content for item in reader.take(len(whole), 100, MIB)]
        reader.close()
        assert len(found) >= 3
        assert set(found) <= set(items)


def test_a_file_that_is_cut_off_gives_what_is_whole(tmp_path: Path) -> None:
    items = [b"item %d" % number for number in range(4)]
    written(tmp_path, items).close(is_delivered=False)
    path = segment(tmp_path)
    whole = path.read_bytes()
    frame = HEAD.size + ITEM.size + len(items[0])
    first = len(whole) - 4 * frame
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        reader = SegmentReader(path)
        found = [item.content for item in reader.take(size, 100, MIB)]
        reader.close()
        assert found == items[: max((size - first) // frame, 0)]


def test_a_file_of_zeros_behind_what_is_whole_is_set_aside(tmp_path: Path) -> None:
    written(tmp_path, [b"item"]).close(is_delivered=False)
    path = segment(tmp_path)
    path.write_bytes(path.read_bytes() + bytes(5000))
    counts = Counts()
    assert contents(adopted(tmp_path, counts)) == [b"item"]
    assert counts.damaged_files == 1


def test_damage_that_spans_the_reader_s_buffer(tmp_path: Path) -> None:
    path = tmp_path / "segment"
    garbage = os.urandom(3 * MIB)
    path.write_bytes(garbage + group_frame(0, GROUP) + item_frame(0, b"item"))
    reader = SegmentReader(path)
    assert [item.content for item in reader.take(path.stat().st_size, 10, MIB)] == [b"item"]
    assert reader.damaged == len(garbage)
    reader.close()


def test_at_the_limit_the_oldest_goes_first_and_is_counted(tmp_path: Path) -> None:
    counts = Counts()
    items = [b"%06d" % number + bytes(1000) for number in range(3000)]
    spool = written(tmp_path, items, limit=MIB, counts=counts)
    size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert size <= MIB
    assert spool.outbox is not None
    found = contents(spool.outbox)
    assert found == items[-len(found) :]
    assert len(found) > 700
    assert counts.dropped == {"spool_full": 3000 - len(found)}


def test_threads_write_whole_records(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 64 * MIB, Counts(), fsync=True)
    items = [[b"%d-%d-" % (thread, number) * 20 for number in range(50)] for thread in range(8)]
    threads = [
        threading.Thread(target=lambda mine: [spool.append(Group(b"r"), item) for item in mine], args=(mine,))
        for mine in items
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close(is_delivered=False)
    found = contents(adopted(tmp_path))
    assert sorted(found) == sorted(item for mine in items for item in mine)


def test_dead_processes_are_kept_within_the_limit_too(tmp_path: Path) -> None:
    items = [b"%06d" % number + bytes(1000) for number in range(700)]
    for _ in range(3):
        written(tmp_path, items, limit=MIB).close(is_delivered=False)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "file").write_bytes(bytes(1000))
    own = written(tmp_path, [b"own"], limit=MIB)
    counts = Counts()
    upkeep.keep_limit(tmp_path, MIB, own.outbox, counts)
    assert upkeep.size_of(tmp_path) <= MIB
    left = 0
    for path in homes.siblings(tmp_path):
        home = homes.adopt(path)
        if home is not None:
            left += len(contents(Outbox(home, counts, is_own=False)))
            home.release(remove=True)
    assert counts.dropped == {"spool_full": 2100 - left}
    assert left > 600
    assert not list((tmp_path / "damaged").iterdir())
    assert own.outbox is not None
    assert contents(own.outbox) == [b"own"]


def test_what_is_read_and_not_delivered_is_within_the_limit(tmp_path: Path) -> None:
    spool = written(tmp_path, [bytes(1000)] * 600, limit=MIB)
    assert spool.outbox is not None
    batch = spool.outbox.take()
    assert batch is not None
    for _ in range(2000):
        spool.append(GROUP, bytes(1000))
    assert upkeep.size_of(tmp_path) <= MIB
    spool.outbox.done(batch)
    assert spool.outbox.size() == sum(path.stat().st_size for path in tmp_path.glob("*/*.segment"))


def test_zeros_behind_a_marker_are_damage(tmp_path: Path) -> None:
    written(tmp_path, [b"item"]).close(is_delivered=False)
    path = segment(tmp_path)
    path.write_bytes(path.read_bytes() + MARK + bytes(5000) + item_frame(0, b"behind"))
    counts = Counts()
    assert contents(adopted(tmp_path, counts)) == [b"item", b"behind"]
    assert counts.damaged_files == 1


def test_what_does_not_fit_a_frame_is_not_written() -> None:
    with pytest.raises(ValueError, match="too large"):
        item_frame(0, bytes(MAX_PAYLOAD))


@pytest.mark.parametrize("name", [".somebody's", "file"])
def test_files_of_others_do_not_hide_a_spool(tmp_path: Path, name: str) -> None:
    written(tmp_path, [b"item"]).close(is_delivered=False)
    (tmp_path / name).touch()
    (tmp_path / ".folder").mkdir()
    (tmp_path / ".folder" / "file").touch()
    for path in (tmp_path / name, tmp_path / ".folder"):
        os.utime(path, (0, 0))
    assert contents(adopted(tmp_path)) == [b"item"]


def test_what_was_held_and_damaged_is_kept_within_the_limit(tmp_path: Path) -> None:
    aside = tmp_path / upkeep.HELD / DAMAGED
    aside.mkdir(parents=True)
    (aside / "file").write_bytes(bytes(2 * MIB))
    own = written(tmp_path, [b"own"])
    upkeep.keep_limit(tmp_path, MIB, own.outbox, Counts())
    assert not list(aside.iterdir())
