import Foundation
import MTLData
import MTLEngine
import Testing
import Yams

/// What is wrong in a section on sharing is named by its place.
@Suite struct SharingMistakeTests {
    @Test func mistakesAreNamedAsTheFileIsRead() throws {
        let cases: [(yaml: String, message: String)] = [
            (
                "{type: hard, layers: [8]}",
                "model, sharing, type: found \"hard\", expected \"shared_bottom\", as it is called now"
            ),
            (
                "{type: shared_bottom, experts: 3}",
                "model, sharing, experts: found an option that shared_bottom does not take, expected type or layers, attach"
            ),
            (
                "{type: mmoe, expert: 3}",
                "model, sharing, expert: found an option that mmoe does not take, "
                    + "expected type or experts, layers, gate, temperature, expert_dropout"
            ),
            (
                "{type: mmoe, experts: many}",
                "model, sharing, experts: found \"many\", expected a whole number"
            ),
            (
                "{type: mmoe, experts: [3]}",
                "model, sharing, experts: found a list of 1, expected a whole number"
            ),
            (
                "{type: mmoe, layers: 64}",
                "model, sharing, layers: found \"64\", expected a list, each a whole number"
            ),
            (
                "{type: nddr, normalized: 2}",
                "model, sharing, normalized: found \"2\", expected true or false"
            ),
            (
                "{type: soft, distance: far}",
                "model, sharing, distance: found \"far\", expected pairwise, mean or covariance"
            ),
            (
                "{type: apg, condition: moon}",
                "model, sharing, condition: found \"moon\", expected self, group or mix"
            ),
            (
                "{type: ple, levels: [{networks: 2, layers: [8]}]}",
                "model, sharing, levels, 0, networks: found an option that ple does not take, "
                    + "expected layers, own, shared"
            ),
            (
                "{type: snr, levels: [{layers: [8]}, {networks: 2}]}",
                "model, sharing, levels, 1, layers: found nothing, expected the units of its layers"
            ),
            (
                "{type: esmm, parents: {buy: [click, view]}}",
                "model, sharing, parents, buy: found 2 tasks, expected one; dbmtl takes several"
            ),
            (
                "{type: aitm, parents: {buy: click}, gate: [4]}",
                "model, sharing, experts: found nothing, beside options of experts, expected their number"
            ),
            ("{layers: [8]}", "model, sharing, type: found nothing, expected one of "),
        ]
        for (yaml, message) in cases {
            let found = #expect(throws: (any Error).self, "\(yaml)") {
                try YAMLDecoder().decode(SharingSettings.self, from: yaml)
            }
            let error = Self.inputError(found)
            #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "none")")
        }
    }

    /// What Yams puts into an error of its own.
    private static func inputError(_ error: (any Error)?) -> InputError? {
        if case .dataCorrupted(let context)? = error as? DecodingError {
            return context.underlyingError as? InputError
        }
        return error as? InputError
    }
}
