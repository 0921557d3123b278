"""What is spoken while a voice is fitted, and, in other words, while the fit is judged."""

from collections.abc import Mapping

Lines = Mapping[str, tuple[str, ...]]  # by language

FITTED: Lines = {
    "en": (
        "Every house on the hill was dark by then.",
        "It will rain before we get to the bridge.",
        "She keeps her books under the old stairs.",
        "Good morning, and welcome back to our town.",
        "Who left those five apples on the table?",
        "Take this down the road, past the yellow gate.",
    ),
    "zh": (
        "山上的房子都没有亮灯。",
        "我们到桥边以前会下雨。",
        "她把书放在旧楼梯下面。",
        "早上好，欢迎回到我们的小镇。",
    ),
}
JUDGED: Lines = {
    "en": (
        "The north gate closes at noon, so be quick.",
        "My brother works in the kitchen all day long.",
        "There is a letter for you from the captain.",
        "We have seven horses, and one very old dog.",
    ),
    "zh": (
        "北门中午就关了，快一点。",
        "我哥哥整天在厨房里干活。",
        "队长有一封信给你。",
        "我们有七匹马和一条老狗。",
    ),
}


def of(lines: Lines, language: str) -> tuple[str, ...]:
    """Those for a language (BCP 47); English for one that has none."""
    return lines.get(language.partition("-")[0], lines["en"])
