"""Phoneme symbols and their ids (source: `vocab` in `config.json` of hexgrad/Kokoro-82M, Apache-2.0)."""

BOUNDARY = 0

_SYMBOLS = {
    1: ";:,.!?", 9: "—…\"()“” \u0303ʣʥʦʨᵝ\uab67AI", 31: "O", 33: "Q", 35: "ST", 39: "W",
    41: "Yᵊabcdef", 50: "hijklmnopqrstuvwxyz",
    69: "ɑɐɒæ", 75: "βɔɕç", 80: "ɖðʤə", 85: "ɚɛɜ", 90: "ɟ", 92: "ɡ", 99: "ɥ", 101: "ɨɪʝ", 110: "ɯɰŋɳɲɴø",
    118: "ɸθœ", 123: "ɹ", 125: "ɾɻ", 128: "ʁɽʂʃʈʧ", 135: "ʊʋ", 138: "ʌɣɤ", 142: "χʎ", 147: "ʒʔ",
    156: "ˈˌː", 162: "ʰ", 164: "ʲ", 169: "↓", 171: "→↗↘", 177: "ᵻ",
}  # fmt: skip

#: symbol -> id; 0 stands for the silence before and after a phrase.
VOCABULARY: dict[str, int] = {
    symbol: first + offset for first, run in _SYMBOLS.items() for offset, symbol in enumerate(run)
}
