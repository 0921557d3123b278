"""Pronunciations of dialogue that the dictionaries lack, as pairs: American, British."""

#: Endings that run onto a word: American, British, and after a vowel.
CLITICS = {
    "'ll": ("əl", "əl", "l"), "'ve": ("əv", "əv", "v"), "'re": ("əɹ", "ə", "ɹ"), "'d": ("əd", "əd", "d"),
    "'m": ("əm", "əm", "m"), "n't": ("ᵊnt", "ᵊnt", "ᵊnt"), "'em": ("əm", "əm", "əm"),
}  # fmt: skip
#: Words and noises of dialogue that the dictionaries lack: American, British.
EXTRA = {
    "shh": ("ʃʃ", "ʃʃ"), "sh": ("ʃ", "ʃ"), "brr": ("bˈɜɹ", "bˈɜː"), "grr": ("ɡˈɜɹ", "ɡˈɜː"),
    "zzz": ("zzz", "zzz"), "arr": ("ˈɑɹ", "ˈɑː"), "tsk": ("tˈɪsk", "tˈɪsk"), "eww": ("ˈiu", "ˈiːuː"),
    "ew": ("ˈiu", "ˈiːuː"), "sss": ("sss", "sss"), "mmm": ("mmm", "mmm"), "heh": ("hˈɛ", "hˈɛ"),
    "argh": ("ˈɑɹɡ", "ˈɑː"), "aargh": ("ˈɑɹɡ", "ˈɑː"), "hmph": ("hˈʌmf", "hˈʌmf"), "ugh": ("ˈʌɡ", "ˈʌɡ"),
    "'til": ("tɪl", "tɪl"), "'bout": ("bˈWt", "bˈWt"), "'round": ("ɹˈWnd", "ɹˈWnd"),
    "'ere": ("ˈɪɹ", "ˈɪə"), "'ello": ("əlˈO", "əlˈQ"), "ol'": ("ˈOl", "ˈQl"), "lil": ("lˈɪl", "lˈɪl"),
    "lil'": ("lˈɪl", "lˈɪl"), "an'": ("ən", "ən"), "th'": ("ðə", "ðə"), "wi'": ("wɪ", "wɪ"),
    "yer": ("jɜɹ", "jɜː"), "cetera": ("sˈɛɾəɹə", "sˈɛtəɹə"), "et": ("ɛt", "ɛt"), "miz": ("mɪz", "mɪz"),
    "ms": ("mˈɪz", "mˈɪz"), "hrm": ("hm", "hm"), "pfft": ("pft", "pft"), "mhm": ("mˌmˈhm", "mˌmˈhm"),
    "'tain't": ("tˈAnt", "tˈAnt"), "'tisn't": ("tˈɪzᵊnt", "tˈɪzᵊnt"), "li'l": ("lˈɪl", "lˈɪl"),
    "'e": ("i", "iː"), "'im": ("ɪm", "ɪm"), "'er": ("əɹ", "ə"), "'is": ("ɪz", "ɪz"), "'em": ("əm", "əm"),
    "'un": ("ʌn", "ʌn"), "'uns": ("ʌnz", "ʌnz"), "'ave": ("æv", "av"), "'as": ("æz", "az"), "'ad": ("æd",
    "ad"),
    "o'": ("ə", "ə"), "i'": ("ɪ", "ɪ"), "t'": ("tə", "tə"), "d'": ("də", "də"), "n'": ("ən", "ən"),
    "m'": ("mə", "mə"), "ha'": ("hæ", "ha"), "gi'": ("ɡˈɪ", "ɡˈɪ"), "don'": ("dˈO", "dˈQ"),
    "wha'": ("wˌʌ", "wˌɒ"), "tha'": ("ðˈæ", "ðˈa"), "bu'": ("bʌ", "bʌ"), "mo'": ("mˈO", "mˈQ"),
    "fo'": ("fɔ", "fɔː"), "yo'": ("jɔ", "jɔː"), "po'": ("pˈO", "pˈQ"), "sho'": ("ʃˈɔ", "ʃˈɔː"),
    "befo'": ("bəfˈɔ", "bɪfˈɔː"), "mo'nin'": ("mˈɔnɪn", "mˈɔːnɪn"), "nothin": ("nˈʌθən", "nˈʌθən"),
    "summat": ("sˈʌmət", "sˈʌmət"), "owt": ("ˈWt", "ˈWt"), "nowt": ("nˈWt", "nˈWt"), "ain't": ("ˈAnt",
    "ˈAnt"),
    "m'lady": ("məlˈAdi", "məlˈAdi"), "m'lord": ("məlˈɔɹd", "məlˈɔːd"), "ma'am": ("mˈæm", "mˈam"),
    "e'er": ("ˈɛɹ", "ˈɛː"), "ne'er": ("nˈɛɹ", "nˈɛː"), "o'er": ("ˈɔɹ", "ˈɔː"), "e'en": ("ˈin", "ˈiːn"),
    "ngh": ("nˈʌŋ", "nˈʌŋ"), "nngh": ("nˈʌŋ", "nˈʌŋ"), "psh": ("pʃ", "pʃ"), "pff": ("pf", "pf"),
}  # fmt: skip
#: Beginnings of names before a capital: "McRae", "O'Connor".
PATRONYMS = {"Mc": ("mək", "mək"), "Mac": ("mək", "mək"), "O'": ("ˌO", "ˌQ")}
