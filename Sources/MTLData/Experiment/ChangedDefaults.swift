import MTLEngine

/// An option whose default is no longer what it was.
struct ChangedDefault {
    let name: String
    /// What a model file means that does not say it: all that was written before the option was there.
    let before: OptionValue
    /// What an experiment means that does not say it.
    let now: OptionValue
}

/// Types that are no longer quite what they were: model files of before mean what they meant.
protocol ChangingKind: SettingsKind {
    /// Names of before, and what they are called now.
    static var formerNames: [String: String] { get }
    /// The options of which a model file says those that are left out.
    var changedDefaults: [ChangedDefault] { get }
    /// An option's value as files say it now, where there were other words for it.
    func today(_ option: String, _ value: OptionValue) -> OptionValue
}

extension ChangingKind {
    func today(_: String, _ value: OptionValue) -> OptionValue { value }
}

extension TypedSettings where Kind: ChangingKind {
    /// The settings as a model file has them: it says every option whose default has changed, so that it stays what it is.
    var ofFile: Self { complete(\.now) }

    /// The settings that a model file means, as an experiment says them: options that say what they would mean anyway are left
    /// out, so that equal settings are equal.
    var ofFileRead: Self {
        var result = complete(\.before)
        for option in type.changedDefaults where result.options[option.name] == option.now {
            result.options[option.name] = nil
        }
        return result
    }

    private func complete(_ value: KeyPath<ChangedDefault, OptionValue>) -> Self {
        var result = self
        for (name, said) in options { result.options[name] = type.today(name, said) }
        for option in type.changedDefaults where result.options[option.name] == nil {
            result.options[option.name] = option[keyPath: value]
        }
        return result
    }
}

extension SharingType: ChangingKind {
    static var formerNames: [String: String] { ["hard": "shared_bottom"] }

    var changedDefaults: [ChangedDefault] {
        switch self {
        case .nddr: [ChangedDefault(name: "fused_activation", before: "identity", now: "relu")]
        case .star: [ChangedDefault(name: "star_heads", before: false, now: true)]
        default: []
        }
    }

    /// Whether it is another function than it was in files that do not say `ModelSettings.definition`.
    var isRedefined: Bool { [.m3oe, .adaptdhm, .hamur, .apg].contains(self) }
}

extension FeatureLayerType: ChangingKind {
    static var formerNames: [String: String] { ["self_attention": "attention_pooling"] }

    var changedDefaults: [ChangedDefault] {
        self == .gate ? [ChangedDefault(name: "activation", before: "relu", now: "sigmoid")] : []
    }

    /// Whether the scores of an attention are normalised was true or false, before there were three ways.
    func today(_ option: String, _ value: OptionValue) -> OptionValue {
        guard self == .attention, option == "normalized",
            let normalization = TargetAttention.Normalization(option: value)
        else { return value }
        return .scalar(normalization.rawValue)
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

    /// The settings as files of models and runs have them; see `TypedSettings.ofFile`.
    var ofFile: ModelSettings {
        var result = self
        result.sharing = sharing?.ofFile
        result.features = features.map(\.ofFile)
        return result
    }

    /// The settings that a model file means; see `TypedSettings.ofFileRead`.
    var ofFileRead: ModelSettings {
        var result = self
        result.sharing = sharing?.ofFileRead
        result.features = features.map(\.ofFileRead)
        return result
    }

    /// Whether two settings mean the same.
    func means(_ other: ModelSettings) -> Bool { ofFile == other.ofFile }
}
