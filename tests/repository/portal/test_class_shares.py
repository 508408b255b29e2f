"""How much each class covers."""

from repository.portal.class_shares import class_shares
from repository.raster_info import Statistics
from repository.rendering_style import ClassColor, RenderingStyle

STYLE = RenderingStyle(
    kind="classes",
    bands=(1,),
    classes=(ClassColor(1, (0, 0, 255, 255), "water"), ClassColor(3, (0, 128, 0, 255), "")),
)


def _statistics(counts: tuple[int, ...], edges: tuple[float, ...]) -> Statistics:
    return Statistics(
        1, 3, 2, 1, sum(counts), sum(counts), histogram_counts=counts, histogram_edges=edges
    )


def test_the_largest_class_comes_first_under_its_name() -> None:
    shares = class_shares(_statistics((30, 0, 90), (0.5, 1.5, 2.5, 3.5)), STYLE)
    assert [(s.label, s.percent) for s in shares] == [("3", "75.0 %"), ("1, water", "25.0 %")]


def test_a_bar_is_as_long_as_its_share_and_has_its_colour() -> None:
    share = class_shares(_statistics((30, 0, 90), (0.5, 1.5, 2.5, 3.5)), STYLE)[1]
    assert 'width="25.00%"' in share.bar
    assert "#0000ff" in share.bar


def test_bins_that_hold_several_classes_say_nothing() -> None:
    assert class_shares(_statistics((30, 90), (0, 128, 256)), STYLE) == ()
