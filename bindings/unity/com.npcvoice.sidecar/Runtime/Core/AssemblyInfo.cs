using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("NpcVoice.Tests")]
