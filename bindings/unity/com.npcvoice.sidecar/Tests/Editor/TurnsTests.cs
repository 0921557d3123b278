using System.Collections.Generic;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    [TestFixture]
    public class TurnsTests
    {
        private readonly List<string> _ended = new List<string>();
        private Turns<string> _turns;

        [SetUp]
        public void BeginAnew()
        {
            _ended.Clear();
            _turns = new Turns<string>();
            Assert.That(_turns.Offer("first", WhenBusy.Drop, _ended), Is.True);
        }

        [Test]
        public void AQueuedLineWaits()
        {
            Assert.That(_turns.Offer("second", WhenBusy.Queue, _ended), Is.True);
            Assert.That(_turns.Current, Is.EqualTo("first"));
            _turns.Advance();
            Assert.That(_turns.Current, Is.EqualTo("second"));
            _turns.Advance();
            Assert.That(_turns.Current, Is.Null);
            Assert.That(_ended, Is.Empty);
        }

        [Test]
        public void AnInterruptingLineEndsWhatIsSaidAndWhatWaits()
        {
            _turns.Offer("second", WhenBusy.Queue, _ended);
            Assert.That(_turns.Offer("third", WhenBusy.Interrupt, _ended), Is.True);
            Assert.That(_turns.Current, Is.EqualTo("third"));
            Assert.That(_turns.Waiting, Is.EqualTo(0));
            Assert.That(_ended, Is.EqualTo(new[] { "first", "second" }));
        }

        [Test]
        public void ADroppedLineIsNotTaken()
        {
            Assert.That(_turns.Offer("second", WhenBusy.Drop, _ended), Is.False);
            Assert.That(_turns.Current, Is.EqualTo("first"));
        }

        [Test]
        public void NoMoreThanThirtyTwoWait()
        {
            for (int i = 0; i < Turns<string>.MostWaiting; i++)
                Assert.That(_turns.Offer("line " + i, WhenBusy.Queue, _ended), Is.True);
            Assert.That(_turns.Offer("one more", WhenBusy.Queue, _ended), Is.False);
            Assert.That(_turns.Waiting, Is.EqualTo(Turns<string>.MostWaiting));
        }
    }
}
