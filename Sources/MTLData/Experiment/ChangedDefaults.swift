import MTLEngine

/// An option whose default is no longer what it was.
private struct ChangedDefault {
    let name: String
    /// What a model file means that does not say it: all that was written before the option was there.
    let before: OptionValue
    /// What an experiment means that does not say it.
    let now: OptionValue
}

extension SharingType {
    private var changedDefaults: [ChangedDefault] {
        switch self {
        case .nddr: [ChangedDefault(name: "fused_activation", before: "identity", now: "relu")]
        case .star: [ChangedDefault(name: "star_heads", before: false, now: true)]
        default: []
        }
    }

    /// Whether it is another function than it was in files that do not say `ModelSettings.definition`.
    var isRedefined: Bool { [.m3oe, .adaptdhm, .hamur, .apg].contains(self) }

    /// Options that say what they would mean anyway are left out, so that equal settings are equal.
    fileprivate func shortened(_ options: [String: OptionValue]) -> [String: OptionValue] {
        options.filter { option in
            !changedDefaults.contains { $0.name == option.key && $0.now == option.value }
        }
    }

    fileprivate func complete(
        _ options: [String: OptionValue], _ value: KeyPath<ChangedDefault, OptionValue>
    ) -> [String: OptionValue] {
        let all = changedDefaults.map { ($0.name, $0[keyPath: value]) }
        return options.merging(all) { own, _ in own }
    }
}

extension ModelSettings {
    /// What files say of architectures that were redefined: those of before cannot be predicted with any more.
    static let definition = "2"

    /// What a file says of its architecture beside the settings; nil where there is nothing to say.
    ///
    /// Where negatives of a funnel's first event were left out, files of before had all rows of the later ones, which today's
    /// prediction would correct all the same.
    func definition(_ sampling: Sampling) -> String? {
        let isSampledFunnel = !sampling.sampledFirsts(eventParents).isEmpty
        return sharing?.type.isRedefined == true || isSampledFunnel ? Self.definition : nil
    }

    /// Refuses a file of an architecture that was another one when the file was written.
    ///
    /// - Parameters:
    ///   - found: the definition that the file says.
    ///   - sampling: what the file says of the rows that it learned from.
    /// - Throws: `InputError` that names the architecture.
    func check(definition found: String?, _ sampling: Sampling) throws(InputError) {
        guard let sharing, let expected = definition(sampling), found != expected else { return }
        let before =
            sharing.type.isRedefined
            ? "as it was before it followed its paper" : "as it was before its rows were sampled together"
        throw InputError(
            .value, at: "model, sharing, type",
            found: "\(sharing.type.rawValue) \(found.map { "of definition \($0)" } ?? before)",
            expected: "definition \(expected); train the model anew")
    }

    /// The settings as a model file has them: it says every option whose default has changed, so that it stays what it is.
    var ofFile: ModelSettings { changed { $0.complete($1, \.now) }.saying(gate: .sigmoid) }

    /// The settings that a model file means, as an experiment says them.
    var ofFileRead: ModelSettings {
        changed { $0.shortened($0.complete($1, \.before)) }.saying(gate: .relu)
    }

    /// Whether two settings mean the same.
    func means(_ other: ModelSettings) -> Bool { ofFile == other.ofFile }

    private func changed(
        _ body: (SharingType, [String: OptionValue]) -> [String: OptionValue]
    ) -> ModelSettings {
        guard let sharing else { return self }
        var copy = self
        copy.sharing = SharingSettings(sharing.type, body(sharing.type, sharing.options))
        return copy
    }
}
