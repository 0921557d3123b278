"""What the emotion benchmark has said: short game lines that any emotion can colour, and by whom."""

#: About 2 s, in words that Whisper tiny.en knows; none names a feeling.
ENGLISH = (
    "The north gate closes at noon.",
    "They left the wagon by the bridge.",
    "My brother works in the kitchen.",
    "There is a letter on the table.",
    "Did you see who took the lantern?",
    "The boat comes back tomorrow.",
    "Somebody opened the window.",
    "I told him about the key.",
    "We have seven horses and a dog.",
    "The captain wants to see you.",
)
CHINESE = (
    "北边的城门天黑就关。",
    "他们把马车停在桥边了。",
    "我弟弟现在在厨房干活。",
    "桌上有一封给你的信。",
    "你看见谁拿走灯笼了吗？",
    "那条船明天早上回来。",
    "昨晚有人开了窗户。",
    "我把钥匙的事告诉他了。",
    "我们有七匹马和一条狗。",
    "队长想要见你一面。",
)

#: Other lines, by which every voice is known.
ENGLISH_KNOWN = (
    "Good morning, and welcome to the market.",
    "The road to the mountains is long and cold.",
    "She keeps her father's books under the stairs.",
    "It will rain before we reach the village.",
)
CHINESE_KNOWN = (
    "早上好，欢迎来到我们的集市。",
    "去山里的路又长又冷。",
    "她把父亲的书放在楼梯下面。",
    "到村子之前会下雨的。",
)

VOICES = (
    "af_heart", "af_bella", "af_jessica", "bf_emma", "am_michael", "am_puck", "am_fenrir", "bm_george",
    "zf_xiaobei", "zf_xiaoxiao", "zm_yunjian", "zm_yunxi",
)  # fmt: skip


def is_chinese(voice: str) -> bool:
    return voice.startswith("z")


def lines_of(voice: str) -> tuple[str, ...]:
    """The lines that a voice is tried on, in its language; voices of a third language read English."""
    return CHINESE if is_chinese(voice) else ENGLISH


def known_lines_of(voice: str) -> tuple[str, ...]:
    return CHINESE_KNOWN if is_chinese(voice) else ENGLISH_KNOWN


def turn(voice: str, lines: tuple[str, ...], count: int, place: int) -> tuple[str, ...]:
    """`count` of the lines; voices at different places in a list start at different lines."""
    start = place * count
    return tuple(lines[(start + at) % len(lines)] for at in range(min(count, len(lines))))
