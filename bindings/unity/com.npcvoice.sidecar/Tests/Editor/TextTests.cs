using NUnit.Framework;

namespace NpcVoice.Tests
{
    [TestFixture]
    public class TextTests
    {
        private static readonly Lexicon Names = new Lexicon(new[]
        {
            new Pronunciation { Word = "Drizzt", Phonemes = "dɹˈɪst" },
            new Pronunciation { Word = "重庆", Phonemes = "x" },
            new Pronunciation { Word = "time", Phonemes = "tˈIm" },
            new Pronunciation { Word = "", Phonemes = "y" },
        });

        [TestCase("Beware of Drizzt!", "Beware of [[Drizzt|dɹˈɪst]]!")]
        [TestCase("drizzt, DRIZZT", "[[drizzt|dɹˈɪst]], [[DRIZZT|dɹˈɪst]]")]
        [TestCase("Drizztling", "Drizztling")]
        [TestCase("[[Drizzt|dɹɪ]] and Drizzt", "[[Drizzt|dɹɪ]] and [[Drizzt|dɹˈɪst]]")]
        [TestCase("我在重庆。", "我在[[重庆|x]]。")]
        [TestCase(
            "[url=&amp;Drizzt]Drizzt[/url] &amp; [Drizzt](x)",
            "[url=&amp;Drizzt][[Drizzt|dɹˈɪst]][/url] &amp; [[[Drizzt|dɹˈɪst]]](x)")]
        [TestCase("Wait<break time='1s'/>a time.", "Wait<break time='1s'/>a [[time|tˈIm]].")]
        public void WordsOfTheLexiconGetTheirPronunciation(string text, string expected)
        {
            Assert.That(Names.Apply(text), Is.EqualTo(expected));
        }

        [Test]
        public void AnEmptyLexiconChangesNothing()
        {
            Assert.That(new Lexicon(new Pronunciation[0]).Apply("[[a|b]] c"), Is.EqualTo("[[a|b]] c"));
        }

        [TestCase("Hm.", 1.5)]
        [TestCase("123456789012345678901234567890", 2.0)]
        [TestCase("一二三四五六七八九十一二", 2.0)]
        [TestCase("[[1234567890123456789012345678901234567890|abc]]12345", 3.0)]
        public void ReadingTakesItsTime(string text, double seconds)
        {
            Assert.That(Subtitles.ReadingTimeS(text), Is.EqualTo(seconds).Within(1e-6));
        }

        [TestCase("[[Drizzt|dɹɪ]], *now*<break time=\"1s\"/>!", "Drizzt, now!")]
        [TestCase("2 * 3 * 4 < 5", "2 * 3 * 4 < 5")]
        public void SubtitlesShowNoMarkup(string text, string expected)
        {
            Assert.That(Subtitles.Plain(text), Is.EqualTo(expected));
        }

        [TestCase("af_hart", ": did you mean 'af_heart'?")]
        [TestCase("zzzzzz", ": known are af_heart, am_adam")]
        public void AnUnknownNameIsToldItsNeighbour(string asked, string tail)
        {
            Assert.That(NpcVoice.Names.DidYouMean(asked, new[] { "af_heart", "am_adam" }), Is.EqualTo(tail));
        }
    }
}
