using System.Collections.Generic;
using NUnit.Framework;

namespace NpcVoice.Tests
{
    [TestFixture]
    public class MouthTests
    {
        private const float Near = 1e-4f;

        /// <summary>Silence, then PP, then aa with a little oh, from 0.5 s on until 1 s.</summary>
        private static readonly VisemeRow[] Rows =
        {
            new VisemeRow(0, 0, 1), new VisemeRow(0.2, 1, 1), new VisemeRow(0.5, 10, 0.75f),
            new VisemeRow(0.5, 13, 0.25f),
        };

        [TestCase(0.0, 1f, 0f, 0f)]
        [TestCase(0.13, 1f, 0f, 0f)]
        [TestCase(0.17, 0.5f, 0.5f, 0f)]
        [TestCase(0.2, 0f, 1f, 0f)]
        [TestCase(0.455, 0f, 0.75f, 0.1875f)]
        [TestCase(0.5, 0f, 0f, 0.75f)]
        [TestCase(0.99, 0f, 0f, 0.75f)]
        [TestCase(1.0, 0f, 0f, 0f)]
        [TestCase(-0.1, 0f, 0f, 0f)]
        public void AStateBlendsIntoTheNextOverItsLastSixtyMilliseconds(double atS, float sil, float pp, float aa)
        {
            float[] weights = At(Rows, atS);
            Assert.That(weights[0], Is.EqualTo(sil).Within(Near));
            Assert.That(weights[1], Is.EqualTo(pp).Within(Near));
            Assert.That(weights[10], Is.EqualTo(aa).Within(Near));
            Assert.That(weights[13], Is.EqualTo(aa / 3).Within(Near));
        }

        [Test]
        public void AShortStateBlendsOverItsLastHalf()
        {
            var rows = new[] { new VisemeRow(0, 0, 1), new VisemeRow(0.04, 10, 1) };
            Assert.That(At(rows, 0.02)[0], Is.EqualTo(1).Within(Near));
            Assert.That(At(rows, 0.03)[0], Is.EqualTo(0.5f).Within(Near));
            Assert.That(At(rows, 0.03)[10], Is.EqualTo(0.5f).Within(Near));
        }

        [Test]
        public void WithoutRowsTheMouthStaysShut()
        {
            Assert.That(At(null, 0.1), Is.EqualTo(new float[15]));
        }

        private static float[] At(IReadOnlyList<VisemeRow> rows, double atS)
        {
            var weights = new float[Viseme.Count];
            weights[5] = 9; // what was there before is gone
            new Mouth(rows, 1).Weigh(atS, weights);
            Assert.That(weights[5], Is.EqualTo(0));
            return weights;
        }
    }
}
