package import MTLEngine

extension HistorySpec {
    /// Spans in milliseconds, nil for all of the past.
    var spans: [Int64?] { windows.map { Timestamp.span($0) } }

    var delayMilliseconds: Int64 { delay.flatMap { Timestamp.span($0) } ?? 0 }

    /// Checks what can be checked without data.
    ///
    /// - Throws: `InputError` that names the history and the setting.
    package func check() throws(InputError) {
        func require(_ holds: Bool, _ setting: String, _ found: String, _ expected: String) throws(InputError)
        {
            guard holds else {
                throw InputError(
                    .value, at: "history \"\(name)\", \(setting)", found: found, expected: expected)
            }
        }
        func differ(_ texts: [String]) -> Bool { Set(texts).count == texts.count }
        try require(!name.isEmpty, "name", "none", "a name")
        try format.check("history \"\(name)\", format")
        try require(!windows.isEmpty, "windows", "none", "spans such as 12h, 7d and 4w, or all")
        for window in windows {
            try require(
                window == "all" || Timestamp.span(window) != nil, "windows", "\"\(window)\"",
                "a span such as 12h, 7d or 4w, or all")
        }
        try require(differ(windows), "windows", "\(windows)", "windows that differ")
        try require(!aggregates.isEmpty, "aggregates", "none", "at least one")
        try require(
            differ(aggregates.map(\.rawValue)), "aggregates", "\(aggregates.map(\.rawValue))",
            "aggregates that differ")
        for aggregate in aggregates {
            switch aggregate {
            case .sum, .mean:
                try require(value != nil, "value", "none", "the column of \(aggregate.rawValue)")
            case .distinct, .last:
                try require(item != nil, "item", "none", "the column of \(aggregate.rawValue)")
            case .count, .daysSince: break
            }
        }
        try require(
            (kind == nil) == kinds.isEmpty, kind == nil ? "kind" : "kinds", "none",
            "both the column of the kind and the kinds that count")
        try require(differ(kinds) && kinds.count < 1 << 16, "kinds", "\(kinds)", "kinds that differ")
        try require(length >= 1, "length", "\(length)", "at least 1")
        try require(separator.utf8.count == 1, "separator", "\"\(separator)\"", "one character")
        if let delay {
            try require(
                Timestamp.span(delay) != nil, "delay", "\"\(delay)\"", "a span such as 30m, 12h or 1d")
            for (window, span) in zip(windows, spans) where (span ?? .max) <= delayMilliseconds {
                try require(false, "windows", "\"\(window)\"", "windows longer than the delay of \(delay)")
            }
        }
        _ = try holds
    }

    var holds: Condition? {
        get throws(InputError) {
            guard let condition else { return nil }
            return try Condition(condition, place: "history \"\(name)\", where")
        }
    }
}
