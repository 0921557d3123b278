"""Phoneme strings to speak in engine tests."""

SHORT = "hˈɔlt!"
MINE = "ði ˈOld mˈIn hæz bˌɪn sˈild fɔɹ tˈɛn jˈɪɹz, tɹˈævələɹ."
NOBODY = "nˈObˌʌdi hˌu wˈɛnt ˈɪn ˈɛvəɹ kˌAm bˈæk ˈWt."
CHINESE = "ni↓ xau↓, lai↗ pei→ ʨjou↓ pa→."
LONG = " ".join([*[MINE, NOBODY] * 3, MINE])  # 67 words
MIDDLE = " ".join([MINE, NOBODY, MINE])  # 29 words
