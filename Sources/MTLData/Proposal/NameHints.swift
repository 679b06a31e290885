/// What a column's name hints at.
struct NameHints {
    /// The words of the name, in lower case.
    let words: [String]

    /// Takes "NumWebVisits", "num_web_visits" and "Num Web Visits" apart.
    init(_ name: String) {
        var words: [String] = []
        var word = ""
        let signs = Array(name)
        for (index, sign) in signs.enumerated() {
            guard sign.isLetter || sign.isNumber else {
                if !word.isEmpty { words.append(word) }
                word = ""
                continue
            }
            let followsSmall = index > 0 && signs[index - 1].isLowercase
            let endsCapitals =
                index > 0 && signs[index - 1].isUppercase && index + 1 < signs.count
                && signs[index + 1].isLowercase
            if sign.isUppercase && (followsSmall || endsCapitals) && !word.isEmpty {
                words.append(word)
                word = ""
            }
            word += sign.lowercased()
        }
        self.words = words + (word.isEmpty ? [] : [word])
    }

    func has(_ list: Set<String>) -> Bool { words.contains(where: list.contains) }

    static let labels: Set<String> = [
        "click", "clicked", "clicks", "purchase", "purchased", "converted", "conversion", "response",
        "responded", "label", "target", "churn", "churned",
    ]

    /// "click", "label_click".
    var isLabel: Bool {
        if words.count == 1, let word = words.first { return Self.labels.contains(word) }
        return words.count > 1 && (words.first == "label" || words.last == "label" || words.first == "target")
    }

    /// "is_returned", "bought_flag": perhaps a label, perhaps a feature.
    var isFlag: Bool { words.count > 1 && (words.first == "is" || words.last == "flag") }

    var isID: Bool {
        let ends: Set<String> = ["id", "ids", "uuid", "guid", "key", "hash"]
        return words.last.map(ends.contains) ?? false || words.first == "id" || words.first == "uuid"
    }

    /// "index", "Unnamed: 0": the number of the row.
    var isIndex: Bool {
        let names: Set<String> = ["index", "idx", "unnamed", "row", "rownum", "rowid", "nr", "no"]
        return words.isEmpty || words.count <= 2 && (words.first.map(names.contains) ?? false)
    }

    /// Numbers that name things and count nothing.
    var isCode: Bool {
        let ends: Set<String> = [
            "code", "codes", "recode", "zip", "zipcode", "postcode", "plz", "sku", "ean", "category",
            "type", "segment", "cluster",
        ]
        return isID || words.last.map(ends.contains) ?? false
    }

    static let groups = [
        "user", "customer", "visitor", "member", "client", "shopper", "buyer", "account", "household",
        "session",
    ]

    /// How good a group the name is for, 0 the best; nil for none.
    var groupRank: Int? {
        guard isID || words.count == 1 else { return nil }
        return Self.groups.firstIndex { words.contains($0) }
    }

    static let scenarios = [
        "scenario", "country", "market", "channel", "site", "domain", "page", "platform", "device", "region",
        "store", "shop", "locale", "language", "department",
    ]

    /// How good a scenario the name is for, 0 the best; nil for none.
    var scenarioRank: Int? { Self.scenarios.firstIndex { words.contains($0) } }

    var isTime: Bool {
        has(["time", "timestamp", "ts", "date", "day", "dt", "datetime", "created", "updated", "at", "when"])
    }

    var isSequence: Bool {
        has(["history", "sequence", "seq", "recent", "last", "viewed", "path", "visited"])
    }

    var isRowWeight: Bool {
        words.last == "weight" && has(["instance", "sample", "row", "case", "survey"]) || words == ["weight"]
    }

    /// Whether the name is a label's with something behind it: purchase_amount, purchasedAt beside purchase.
    func follows(_ label: NameHints) -> Bool {
        let roots = label.words.filter { !["is", "flag", "label"].contains($0) }
        guard let root = roots.first, roots.count == 1, let first = words.first, words.count > 1 else {
            return false
        }
        // purchase, purchased and purchases; converted and conversion.
        return first.hasPrefix(root.prefix(max(4, root.count - 3)))
    }
}
