import KernelLevel
import MTLEngine
import Testing

@Suite struct InstructionSetTests {
    private static let asked = kernel_level_asked_for().map { String(cString: $0) }

    /// A run for a lesser processor must not be one for this processor by mistake.
    @Test(.enabled(if: asked != nil, "MTL_TEST_INSTRUCTIONS is not set"))
    func testsRunAtTheLevelAskedFor() {
        #expect("\(InstructionSet.best)" == Self.asked)
        #expect(InstructionSet.allCases.filter(\.isAvailable).last == .best)
    }
}
