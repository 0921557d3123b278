using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading.Tasks;

namespace NpcVoice.Tests
{
    /// <summary>
    /// Says a cached line again and again. Arguments: connection file, text, how often. For every line that
    /// comes in on standard input it prints the milliseconds of each round trip, decoded samples included.
    /// </summary>
    public static class Latency
    {
        public static void Main(string[] arguments)
        {
            var options = new NpcVoiceOptions { ConnectionFile = arguments[0], TimeoutS = 60 };
            int times = int.Parse(arguments[2], CultureInfo.InvariantCulture);
            using (var client = new NpcVoiceClient(options))
                while (Console.ReadLine() != null)
                    Console.WriteLine(string.Join(" ", Measured(client, arguments[1], times).GetAwaiter().GetResult()));
        }

        private static async Task<string[]> Measured(NpcVoiceClient client, string text, int times)
        {
            var found = new string[times];
            for (int i = 0; i < times; i++)
            {
                Stopwatch watch = Stopwatch.StartNew();
                Line line = await client.Say(text).ConfigureAwait(false);
                float[] samples = line.ToFloats();
                double ms = watch.Elapsed.TotalMilliseconds;
                if (!line.Cached && i > 0 || samples.Length != line.Frames)
                    throw new InvalidOperationException("the line was not cached, or not whole");
                found[i] = ms.ToString("0.0000", CultureInfo.InvariantCulture);
            }
            return found;
        }
    }
}
