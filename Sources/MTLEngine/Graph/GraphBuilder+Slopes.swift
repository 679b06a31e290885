extension GraphBuilder {
    /// PReLU or Dice of blocks side by side: `[rows, x.width]`; per block "NAME.activation.weight" `[x.width / names]`, and of Dice
    /// the moving "NAME.activation.running_mean" and "…running_var". No weight decay applies to the slopes of PReLU.
    mutating func slopes(_ x: GraphValue, _ activation: Activation, names: [String]) -> GraphValue {
        precondition(
            activation.hasParameters && x.width % names.count == 0,
            "\(x.width) columns, \(names.count) blocks")
        let source = inWorkspace(x)
        let titles = names.map { "\($0).activation" }
        let p =
            activation == .dice
            ? self.activation(addBatchNorm(source, names: titles, hasFactors: false), .sigmoid) : nil
        let (start, each) = (place(x.width), x.width / names.count)
        // Decay would pull PReLU towards a ReLU (He et al., section 2.1).
        if activation == .prelu { undecayed.append(start..<start + x.width) }
        for (block, title) in titles.enumerated() {
            vector(
                title + ".weight", start + block * each, each, beginsAt: activation == .dice ? 0 : 0.25)
        }
        let y = reserve(x.width)
        note(y, hasParameters: true, from: [])
        nodes.append(.slopes(SlopesNode(x: source, p: p, y: y, slopes: start)))
        return y
    }
}
