/// A gate over experts whose weights may be looked at; see `ExpertUtilisation`.
package struct GateRecord: Sendable {
    package let name: String
    package let experts: [String]
    package let gate: GraphValue
}

extension GraphBuilder {
    /// Lists a gate, `[rows, experts]`, among those whose weights `expertUtilisation(of:)` reports.
    ///
    /// - Parameters:
    ///   - gate: `[rows, experts]`.
    ///   - name: what the report calls the gate.
    ///   - experts: the names of the experts, one per column.
    public mutating func record(gate: GraphValue, name: String, experts: [String]) {
        precondition(gate.width == experts.count, "\(gate.width) columns for \(experts.count) experts")
        gateRecords.append(GateRecord(name: name, experts: experts, gate: gate))
    }
}
