using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Text;
using System.Threading;
using System.Threading.Tasks;

namespace NpcVoice
{
    /// <summary>
    /// A sidecar process of our own. It ends when we do, however we do: its standard input closes, and the
    /// process whose number it was given is gone. Safe to use from any thread.
    /// </summary>
    internal sealed class OwnSidecar
    {
        private const int DeviceLost = 75; // worth another start: its device has failed for that process
        private const string Another = "another sidecar"; // a second start on one connection file ends so
        private const int GraceMs = 10000;

        private readonly object _lock = new object();
        private readonly NpcVoiceOptions _options;
        private Process _process;
        private LastWords _words;
        private bool _hasServed;

        public OwnSidecar(NpcVoiceOptions options)
        {
            _options = options;
        }

        /// <summary>
        /// Starts one, unless ours is running. Throws <see cref="NpcVoiceError"/> (no_sidecar) when it cannot be
        /// started or has ended with an error before it ever answered.
        /// </summary>
        public void Start()
        {
            lock (_lock)
            {
                if (_process != null && !_process.HasExited)
                    return;
                if (_process != null && HasFailed(_process.ExitCode))
                    throw Failed("it ended with code " + _process.ExitCode + ": " + _words.Reason());
                _process?.Dispose();
                _process = null;
                Launch();
            }
        }

        /// <summary>The sidecar has answered: if ours ends now, it is worth starting again.</summary>
        public void HasAnswered()
        {
            lock (_lock)
                _hasServed = true;
        }

        /// <summary>Ends it: its standard input closes, which it heeds; if not within ten seconds, by force.</summary>
        public Task Stop()
        {
            Process process;
            lock (_lock)
            {
                process = _process;
                _process = null;
            }
            if (process == null)
                return Task.CompletedTask;
            CloseInput(process);
            return Task.Run(() => Bury(process));
        }

        /// <summary>
        /// Whether it never came to serve. The sign and the size of its code say nothing: on Windows whoever ends
        /// a process chooses them. One that was a moment later than another game's has not failed.
        /// </summary>
        private bool HasFailed(int code)
        {
            return !_hasServed && code != 0 && code != DeviceLost && !_words.Reason().Contains(Another);
        }

        private void Launch()
        {
            var words = new LastWords();
            var process = new Process();
            process.OutputDataReceived += (sender, line) => { };
            process.ErrorDataReceived += (sender, line) => words.Add(line.Data);
            try
            {
                process.StartInfo = Description(_options.Command[0], Arguments());
                process.Start();
            }
            catch (Exception error) when (error is Win32Exception || error is InvalidOperationException
                || error is NotSupportedException)
            {
                process.Dispose();
                throw Failed(_options.Command[0] + " could not be started: " + error.Message);
            }
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            _hasServed = false;
            _words = words;
            _process = process;
        }

        private List<string> Arguments()
        {
            var arguments = new List<string>(_options.Command);
            arguments.RemoveAt(0);
            arguments.AddRange(new[] { "serve", "--connection-file", _options.ConnectionFile });
            arguments.AddRange(new[] { "--parent-pid", OwnPid().ToString(), "--watch-stdin" });
            arguments.AddRange(_options.Arguments);
            return arguments;
        }

        private static ProcessStartInfo Description(string program, IEnumerable<string> arguments)
        {
            return new ProcessStartInfo(program, CommandLine.Joined(arguments))
            {
                UseShellExecute = false,
                CreateNoWindow = true,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardErrorEncoding = Encoding.UTF8,
                StandardOutputEncoding = Encoding.UTF8,
            };
        }

        private static int OwnPid()
        {
            using (Process self = Process.GetCurrentProcess())
                return self.Id;
        }

        private static void CloseInput(Process process)
        {
            try
            {
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                return; // it has ended already
            }
        }

        private static void Bury(Process process)
        {
            using (process)
            {
                if (process.WaitForExit(GraceMs))
                    return;
                try
                {
                    process.Kill();
                }
                catch (Exception error) when (error is Win32Exception || error is InvalidOperationException)
                {
                    return; // it has ended meanwhile
                }
                process.WaitForExit(GraceMs);
            }
        }

        private static NpcVoiceError Failed(string why)
        {
            return new NpcVoiceError(NpcVoiceError.NoSidecar, "the sidecar did not start: " + why);
        }
    }

    /// <summary>The end of what a process prints; the rest is forgotten.</summary>
    internal sealed class LastWords
    {
        private const int Lines = 20;
        private const int Characters = 500;
        private const string Mark = "ERROR ";

        private const int EndMs = 500;

        private readonly List<string> _lines = new List<string>();
        private readonly ManualResetEventSlim _end = new ManualResetEventSlim();

        /// <summary>The next line; null at the end.</summary>
        public void Add(string line)
        {
            if (line == null)
                _end.Set();
            if (string.IsNullOrEmpty(line))
                return;
            lock (_lines)
            {
                _lines.Add(line.Length <= Characters ? line : line.Substring(0, Characters));
                if (_lines.Count > Lines)
                    _lines.RemoveAt(0);
            }
        }

        /// <summary>The reason that a failed start prints. Waits a little for what is still on its way.</summary>
        public string Reason()
        {
            _end.Wait(EndMs);
            string reason = "it said nothing";
            bool marked = false;
            lock (_lines)
                foreach (string line in _lines)
                {
                    bool isReason = line.StartsWith(Mark, StringComparison.Ordinal);
                    if (isReason || !marked)
                        reason = isReason ? line.Substring(Mark.Length) : line;
                    marked |= isReason;
                }
            return reason;
        }
    }

    /// <summary>Arguments as one text, which every platform takes apart again into the same arguments.</summary>
    internal static class CommandLine
    {
        public static string Joined(IEnumerable<string> arguments)
        {
            var line = new StringBuilder();
            foreach (string argument in arguments)
            {
                line.Append(line.Length == 0 ? "\"" : " \"");
                AppendQuoted(line, argument);
                line.Append('"');
            }
            return line.ToString();
        }

        /// <summary>A quote is escaped, and so are backslashes before one.</summary>
        private static void AppendQuoted(StringBuilder line, string argument)
        {
            int backslashes = 0;
            foreach (char character in argument)
            {
                if (character == '"')
                    line.Append('\\', backslashes + 1);
                backslashes = character == '\\' ? backslashes + 1 : 0;
                line.Append(character);
            }
            line.Append('\\', backslashes);
        }
    }
}
