import ArgumentParser
import MTLData
import MTLEngine

/// The dial of a model that reads a preference.
struct PreferenceArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Of a model with a dial (a preference in its model section): the tasks' shares, as click=.7,buy=.3, of any sum (default: the model's own).",
            valueName: "task=share,..."))
    var preference: String?

    /// What --preference says; nil where it is not given.
    func shares(_ bundle: ModelBundle) throws -> [String: Double]? {
        guard let preference else { return nil }
        var shares: [String: Double] = [:]
        for part in preference.split(separator: ",", omittingEmptySubsequences: false) {
            // A task's name may hold the sign, a number does not.
            let sign = part.lastIndex(of: "=")
            guard let sign, let share = Double(part[part.index(after: sign)...]),
                shares.updateValue(share, forKey: String(part[..<sign])) == nil
            else {
                throw ValidationError(
                    "--preference: found \"\(part)\", expected TASK=SHARE, with commas, once per task")
            }
        }
        do throws(InputError) { _ = try bundle.model.shares(of: shares) } catch {
            let place = error.place.dropFirst("preference".count)
            throw ValidationError("--preference\(place): found \(error.found), expected \(error.expected)")
        }
        return shares
    }
}
