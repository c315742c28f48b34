"""Batches of slow models wait for callers that are about to come, and others for nothing."""

from servekit.serving.batch_window import AT_MOST_S, SLOW_S, BatchWindow

SHARE = 0.1


def window_after(*calls: tuple[float, int]) -> BatchWindow:
    window = BatchWindow(SHARE)
    for seconds, asked in calls:
        window.ended(seconds, asked)
    return window


def test_a_batch_of_a_slow_model_waits_for_as_many_as_asked_before() -> None:
    window = window_after((0.05, 32))
    assert window.open_s(31) == SHARE * 0.05
    assert window.open_s(32) == 0


def test_a_call_that_failed_says_nothing_about_the_next() -> None:
    window = window_after((0.05, 32))
    window.ended(None, 16)
    assert window.call_s == 0.05
    assert window.open_s(15) > window.open_s(16) == 0


def test_a_batch_window_has_an_upper_bound() -> None:
    assert window_after((5, 32)).open_s(1) == AT_MOST_S


def test_the_first_batch_and_a_lone_caller_wait_for_nothing() -> None:
    assert BatchWindow(SHARE).open_s(1) == 0
    assert window_after((0.05, 1)).open_s(1) == 0


def test_a_quick_models_batches_never_wait() -> None:
    quick = (SLOW_S / 2, 32)
    assert window_after(quick, *[(0.05, 32)] * (BatchWindow.RECENT - 1)).open_s(1) == 0
    assert window_after(quick, *[(0.05, 32)] * BatchWindow.RECENT).open_s(1) > 0
