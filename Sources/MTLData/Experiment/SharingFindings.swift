extension SharingType {
    /// What measurements say against this way of sharing: on none of the simulated worlds of `mtl-bench worlds` was it above both a
    /// shared bottom and separate networks by more than twice its standard error (docs/results.md); of those measured on Census-Income none was.
    ///
    /// Nil for those that were, for both that they are measured by, for those along
    /// events that follow each other, which these worlds have not.
    package var finding: String? {
        switch self {
        case .sharedBottom, .separate, .esmm, .escm2, .aitm, .dbmtl, .resflow, .cgc, .dselectK, .mtan, .soft,
            .lowRank,
            .alternatingStructure, .dc2vr:
            nil
        case .omoe, .mmoe, .ple, .crossStitch, .sluice, .nddr, .snr, .traceNorm,
            .scenarioTowers, .star, .pepnet, .sarnet, .m3oe, .adaptdhm, .hamur, .apg, .stem, .home, .hinet,
            .m2m, .adasparse:
            "Where we measured it, \(rawValue) was never clearly better than both shared_bottom and separate. "
                + "Train those beside it before you keep it."
        }
    }
}
