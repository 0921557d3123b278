using System.Collections.Generic;

namespace NpcVoice
{
    /// <summary>What the sidecar is and can do.</summary>
    public sealed class HelloReply
    {
        internal HelloReply(Fields reply)
        {
            Server = reply.Text("server");
            Protocol = reply.Count("protocol");
            Ops = reply.Texts("ops");
            Limits = new WireLimits(reply.Map("limits"));
            Models = Reply.Each(reply.Maps("models"), model => new ModelName(model));
            DeviceName = reply.Map("device").Text("name");
            DevicePrecision = reply.Map("device").Text("precision");
            Languages = reply.Texts("languages");
            Formats = reply.Texts("formats");
            Timings = reply.Texts("timings");
            Emotions = reply.Texts("emotions");
            Priorities = reply.Texts("priorities");
            Fields = reply.Has("fields") ? reply.Texts("fields") : new string[0];
        }

        public string Server { get; }

        public int Protocol { get; }

        public IReadOnlyList<string> Ops { get; }

        public WireLimits Limits { get; }

        public IReadOnlyList<ModelName> Models { get; }

        public string DeviceName { get; }

        public string DevicePrecision { get; }

        public IReadOnlyList<string> Languages { get; }

        public IReadOnlyList<string> Formats { get; }

        public IReadOnlyList<string> Timings { get; }

        public IReadOnlyList<string> Emotions { get; }

        public IReadOnlyList<string> Priorities { get; }

        /// <summary>The fields of a line that it reads; the first sidecars did not say.</summary>
        public IReadOnlyList<string> Fields { get; }
    }

    /// <summary>What one request may be, at most.</summary>
    public sealed class WireLimits
    {
        internal WireLimits(Fields limits)
        {
            HeaderBytes = limits.Count("header_bytes");
            BodyBytes = limits.Count("body_bytes");
            Nesting = limits.Count("nesting");
            TextCharacters = limits.Count("text_characters");
            IdBytes = limits.Count("id_bytes");
        }

        public int HeaderBytes { get; }

        public int BodyBytes { get; }

        public int Nesting { get; }

        public int TextCharacters { get; }

        public int IdBytes { get; }
    }

    public sealed class SpeakersReply
    {
        internal SpeakersReply(Fields reply)
        {
            Speakers = Reply.Each(reply.Maps("speakers"), row => new SpeakerRow(row));
            Default = reply.Text("default");
        }

        public IReadOnlyList<SpeakerRow> Speakers { get; }

        public string Default { get; }
    }

    /// <summary><see cref="Display"/> is a name to show a person, <see cref="Language"/> a BCP 47 tag.</summary>
    public sealed class SpeakerRow
    {
        internal SpeakerRow(Fields row)
        {
            Name = row.Text("name");
            Display = row.Text("display");
            Language = row.Text("language");
            Model = row.Text("model");
        }

        public string Name { get; }

        public string Display { get; }

        public string Language { get; }

        public string Model { get; }
    }

    /// <summary><see cref="Display"/> maps a language to a name to show.</summary>
    public sealed class EmotionRow
    {
        internal EmotionRow(Fields row)
        {
            Name = row.Text("name");
            Display = row.TextMap("display");
            Aliases = row.Texts("aliases");
        }

        public string Name { get; }

        public IReadOnlyDictionary<string, string> Display { get; }

        public IReadOnlyList<string> Aliases { get; }
    }

    /// <summary>
    /// A voice pack that has been seen. <see cref="State"/> is found, checking, ready, loading, canary, live
    /// or rejected; <see cref="Reason"/> and <see cref="Detail"/> say why it was rejected, and
    /// <see cref="Share"/> is its part of the sessions, 0 to 1.
    /// </summary>
    public sealed class ModelRow
    {
        internal ModelRow(Fields row)
        {
            Name = row.Text("name");
            Version = row.Text("version");
            State = row.Text("state");
            Sha256 = row.OptionalText("sha256");
            Pinned = row.Flag("pinned", false);
            Share = row.OptionalNumber("share");
            Reason = row.OptionalText("reason");
            Detail = row.OptionalText("detail");
            Dropped = row.Flag("dropped", true);
        }

        public string Name { get; }

        public string Version { get; }

        public string State { get; }

        /// <summary>False: what it was made from does not lie in the models folder any more.</summary>
        public bool Dropped { get; }

        public string Sha256 { get; }

        public bool Pinned { get; }

        public double? Share { get; }

        public string Reason { get; }

        public string Detail { get; }
    }

    /// <summary>Of all requests since the start, in milliseconds.</summary>
    public sealed class Quantiles
    {
        internal Quantiles(Fields row)
        {
            Count = row.Whole("count");
            P50Ms = row.Number("p50_ms");
            P90Ms = row.Number("p90_ms");
            P99Ms = row.Number("p99_ms");
        }

        public long Count { get; }

        public double P50Ms { get; }

        public double P90Ms { get; }

        public double P99Ms { get; }
    }

    public sealed class CacheStats
    {
        internal CacheStats(Fields row)
        {
            Hits = row.Whole("hits");
            Misses = row.Whole("misses");
            Entries = row.Whole("entries");
            Bytes = row.Whole("bytes");
        }

        public long Hits { get; }

        public long Misses { get; }

        public long Entries { get; }

        public long Bytes { get; }
    }

    /// <summary>Voices that are fitted to clips, since the sidecar's start.</summary>
    public sealed class FitStats
    {
        internal FitStats(Fields row)
        {
            Waiting = row.Count("waiting");
            Running = row.Count("running");
            Ready = row.Count("ready");
            Failed = row.Count("failed");
        }

        public int Waiting { get; }

        public int Running { get; }

        public int Ready { get; }

        public int Failed { get; }
    }

    /// <summary>Since the sidecar's start.</summary>
    public sealed class StatsReply
    {
        internal StatsReply(Fields reply)
        {
            UptimeS = reply.Number("uptime_s");
            Requests = reply.WholeMap("requests");
            Errors = reply.WholeMap("errors");
            LinesWaiting = reply.Count("lines_waiting");
            LinesRunning = reply.Count("lines_running");
            Streams = reply.Count("streams");
            AudioS = reply.Number("audio_s");
            RealTimeFactor = reply.Number("real_time_factor");
            var latency = new Dictionary<string, Quantiles>();
            foreach (KeyValuePair<string, Fields> pair in reply.MapMap("latency"))
                latency.Add(pair.Key, new Quantiles(pair.Value));
            Latency = latency;
            Cache = new CacheStats(reply.Map("cache"));
            MemoryBytes = reply.Whole("memory_bytes");
            DeviceMemoryBytes = reply.Has("device_memory_bytes") ? reply.Whole("device_memory_bytes") : (long?)null;
            Fits = reply.Has("fits") ? new FitStats(reply.Map("fits")) : null;
        }

        public double UptimeS { get; }

        public IReadOnlyDictionary<string, long> Requests { get; }

        public IReadOnlyDictionary<string, long> Errors { get; }

        public int LinesWaiting { get; }

        public int LinesRunning { get; }

        public int Streams { get; }

        public double AudioS { get; }

        /// <summary>Seconds of work for a second of speech.</summary>
        public double RealTimeFactor { get; }

        public IReadOnlyDictionary<string, Quantiles> Latency { get; }

        public CacheStats Cache { get; }

        public long MemoryBytes { get; }

        public long? DeviceMemoryBytes { get; }

        /// <summary>Null where the sidecar fits no voices.</summary>
        public FitStats Fits { get; }
    }

    internal static class Reply
    {
        public static T[] Each<T>(Fields[] maps, System.Func<Fields, T> made)
        {
            var items = new T[maps.Length];
            for (int i = 0; i < items.Length; i++)
                items[i] = made(maps[i]);
            return items;
        }
    }
}
