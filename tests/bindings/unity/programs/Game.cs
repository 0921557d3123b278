using System;
using System.Threading;

namespace NpcVoice.Tests
{
    /// <summary>A game: it starts a sidecar, has it speak for minutes, says so, and waits to be killed.</summary>
    public static class Game
    {
        public static void Main(string[] arguments)
        {
            var client = new NpcVoiceClient(new NpcVoiceOptions
            {
                ConnectionFile = arguments[0], Start = true, Command = new[] { arguments[1], "-m", "sidecar" },
            });
            client.Say("Halt!").GetAwaiter().GetResult();
            string monologue = "";
            for (int i = 0; i < 30; i++)
                monologue += "An endless tale, told by an old man, by the fire. ";
            client.Say(monologue);
            while (client.Stats().GetAwaiter().GetResult().LinesRunning == 0)
                Thread.Sleep(10);
            Console.WriteLine("speaking");
            Thread.Sleep(Timeout.Infinite);
        }
    }
}
