/// Any node, so that a list of them is one piece of memory and running it one switch each.
package enum Node: Sendable {
    case dense(DenseNode)
    case scenarioDense(ScenarioDenseNode)
    case linear(LinearNode)
    case product(ProductNode)
    case dots(DotsNode)
    case activation(ActivationNode)
    case slopes(SlopesNode)
    case softmax(SoftmaxNode)
    case mixture(MixtureNode)
    case stitch(StitchNode)
    case affine(AffineNode)
    case layerNorm(LayerNormNode)
    case batchNorm(BatchNormNode)
    case dropout(DropoutNode)
    case scenarioSelect(ScenarioSelectNode)
    case scenarioVector(ScenarioVectorNode)
    case routing(RoutingNode)
    case logitProduct(LogitProductNode)
    case tiedDense(TiedDenseNode)
    case pairwise(PairwiseNode)
    case fieldDots(FieldDotsNode)
    case fieldProducts(FieldProductsNode)
    case fieldMeans(FieldMeansNode)
    case sequencePairs(SequencePairsNode)
    case sequencePool(SequencePoolNode)
    case sequenceJoin(SequenceJoinNode)
    case sequenceTokens(SequenceTokensNode)
    case sequenceAttention(SequenceAttentionNode)
    case sequenceOutput(SequenceOutputNode)
    case recurrent(RecurrentNode)
    case piecewise(PiecewiseNode)
    case numberScale(NumberScaleNode)
    case periodic(PeriodicNode)
    case missingNumber(MissingNumberNode)
    case parameter(ParameterNode)
    case bitSelector(BitSelectorNode)
    case pruning(PruningNode)
    case hardConcrete(HardConcreteNode)
    case expertDropout(ExpertDropoutNode)
    case member(MemberNode)
    /// Zeros in a gradient that only some of its readers will add to.
    case zero(GraphValue)

    package var operation: any NodeOperation {
        switch self {
        case .dense(let node): node
        case .scenarioDense(let node): node
        case .linear(let node): node
        case .product(let node): node
        case .dots(let node): node
        case .activation(let node): node
        case .slopes(let node): node
        case .softmax(let node): node
        case .mixture(let node): node
        case .stitch(let node): node
        case .affine(let node): node
        case .layerNorm(let node): node
        case .batchNorm(let node): node
        case .dropout(let node): node
        case .scenarioSelect(let node): node
        case .scenarioVector(let node): node
        case .routing(let node): node
        case .logitProduct(let node): node
        case .tiedDense(let node): node
        case .pairwise(let node): node
        case .fieldDots(let node): node
        case .fieldProducts(let node): node
        case .fieldMeans(let node): node
        case .sequencePairs(let node): node
        case .sequencePool(let node): node
        case .sequenceJoin(let node): node
        case .sequenceTokens(let node): node
        case .sequenceAttention(let node): node
        case .sequenceOutput(let node): node
        case .recurrent(let node): node
        case .piecewise(let node): node
        case .numberScale(let node): node
        case .periodic(let node): node
        case .missingNumber(let node): node
        case .parameter(let node): node
        case .bitSelector(let node): node
        case .pruning(let node): node
        case .hardConcrete(let node): node
        case .expertDropout(let node): node
        case .member(let node): node
        case .zero: preconditionFailure("zeros are no part of a plan")
        }
    }

    /// Whether all rows have to come this far before any goes on.
    package var beginsStage: Bool {
        switch self {
        case .batchNorm: true
        case .routing(let node): node.isRound
        default: false
        }
    }

    package init(_ operation: any NodeOperation) {
        switch operation {
        case let node as DenseNode: self = .dense(node)
        case let node as ScenarioDenseNode: self = .scenarioDense(node)
        case let node as LinearNode: self = .linear(node)
        case let node as ProductNode: self = .product(node)
        case let node as DotsNode: self = .dots(node)
        case let node as ActivationNode: self = .activation(node)
        case let node as SlopesNode: self = .slopes(node)
        case let node as SoftmaxNode: self = .softmax(node)
        case let node as MixtureNode: self = .mixture(node)
        case let node as StitchNode: self = .stitch(node)
        case let node as AffineNode: self = .affine(node)
        case let node as LayerNormNode: self = .layerNorm(node)
        case let node as BatchNormNode: self = .batchNorm(node)
        case let node as DropoutNode: self = .dropout(node)
        case let node as ScenarioSelectNode: self = .scenarioSelect(node)
        case let node as ScenarioVectorNode: self = .scenarioVector(node)
        case let node as RoutingNode: self = .routing(node)
        case let node as LogitProductNode: self = .logitProduct(node)
        case let node as TiedDenseNode: self = .tiedDense(node)
        case let node as PairwiseNode: self = .pairwise(node)
        case let node as FieldDotsNode: self = .fieldDots(node)
        case let node as FieldProductsNode: self = .fieldProducts(node)
        case let node as FieldMeansNode: self = .fieldMeans(node)
        case let node as SequencePairsNode: self = .sequencePairs(node)
        case let node as SequencePoolNode: self = .sequencePool(node)
        case let node as SequenceJoinNode: self = .sequenceJoin(node)
        case let node as SequenceTokensNode: self = .sequenceTokens(node)
        case let node as SequenceAttentionNode: self = .sequenceAttention(node)
        case let node as SequenceOutputNode: self = .sequenceOutput(node)
        case let node as RecurrentNode: self = .recurrent(node)
        case let node as PiecewiseNode: self = .piecewise(node)
        case let node as NumberScaleNode: self = .numberScale(node)
        case let node as PeriodicNode: self = .periodic(node)
        case let node as MissingNumberNode: self = .missingNumber(node)
        case let node as ParameterNode: self = .parameter(node)
        case let node as BitSelectorNode: self = .bitSelector(node)
        case let node as PruningNode: self = .pruning(node)
        case let node as HardConcreteNode: self = .hardConcrete(node)
        case let node as ExpertDropoutNode: self = .expertDropout(node)
        case let node as MemberNode: self = .member(node)
        default: preconditionFailure("a node that the list of nodes does not know")
        }
    }

    @inline(__always)
    package func forward<Scalar: BLASScalar>(_ tile: ForwardTile<Scalar>) {
        switch self {
        case .dense(let node): node.forward(tile)
        case .scenarioDense(let node): node.forward(tile)
        case .linear(let node): node.forward(tile)
        case .product(let node): node.forward(tile)
        case .dots(let node): node.forward(tile)
        case .activation(let node): node.forward(tile)
        case .slopes(let node): node.forward(tile)
        case .softmax(let node): node.forward(tile)
        case .mixture(let node): node.forward(tile)
        case .stitch(let node): node.forward(tile)
        case .affine(let node): node.forward(tile)
        case .layerNorm(let node): node.forward(tile)
        case .batchNorm(let node): node.forward(tile)
        case .dropout(let node): node.forward(tile)
        case .scenarioSelect(let node): node.forward(tile)
        case .scenarioVector(let node): node.forward(tile)
        case .routing(let node): node.forward(tile)
        case .logitProduct(let node): node.forward(tile)
        case .tiedDense(let node): node.forward(tile)
        case .pairwise(let node): node.forward(tile)
        case .fieldDots(let node): node.forward(tile)
        case .fieldProducts(let node): node.forward(tile)
        case .fieldMeans(let node): node.forward(tile)
        case .sequencePairs(let node): node.forward(tile)
        case .sequencePool(let node): node.forward(tile)
        case .sequenceJoin(let node): node.forward(tile)
        case .sequenceTokens(let node): node.forward(tile)
        case .sequenceAttention(let node): node.forward(tile)
        case .sequenceOutput(let node): node.forward(tile)
        case .recurrent(let node): node.forward(tile)
        case .piecewise(let node): node.forward(tile)
        case .numberScale(let node): node.forward(tile)
        case .periodic(let node): node.forward(tile)
        case .missingNumber(let node): node.forward(tile)
        case .parameter(let node): node.forward(tile)
        case .bitSelector(let node): node.forward(tile)
        case .pruning(let node): node.forward(tile)
        case .hardConcrete(let node): node.forward(tile)
        case .expertDropout(let node): node.forward(tile)
        case .member(let node): node.forward(tile)
        case .zero: break
        }
    }

    @inline(__always)
    package func backward<Scalar: BLASScalar>(_ tile: BackwardTile<Scalar>) {
        switch self {
        case .dense(let node): node.backward(tile)
        case .scenarioDense(let node): node.backward(tile)
        case .linear(let node): node.backward(tile)
        case .product(let node): node.backward(tile)
        case .dots(let node): node.backward(tile)
        case .activation(let node): node.backward(tile)
        case .slopes(let node): node.backward(tile)
        case .softmax(let node): node.backward(tile)
        case .mixture(let node): node.backward(tile)
        case .stitch(let node): node.backward(tile)
        case .affine(let node): node.backward(tile)
        case .layerNorm(let node): node.backward(tile)
        case .batchNorm(let node): node.backward(tile)
        case .dropout(let node): node.backward(tile)
        case .scenarioSelect(let node): node.backward(tile)
        case .scenarioVector(let node): node.backward(tile)
        case .routing(let node): node.backward(tile)
        case .logitProduct(let node): node.backward(tile)
        case .tiedDense(let node): node.backward(tile)
        case .pairwise(let node): node.backward(tile)
        case .fieldDots(let node): node.backward(tile)
        case .fieldProducts(let node): node.backward(tile)
        case .fieldMeans(let node): node.backward(tile)
        case .sequencePairs(let node): node.backward(tile)
        case .sequencePool(let node): node.backward(tile)
        case .sequenceJoin(let node): node.backward(tile)
        case .sequenceTokens(let node): node.backward(tile)
        case .sequenceAttention(let node): node.backward(tile)
        case .sequenceOutput(let node): node.backward(tile)
        case .recurrent(let node): node.backward(tile)
        case .piecewise(let node): node.backward(tile)
        case .numberScale(let node): node.backward(tile)
        case .periodic(let node): node.backward(tile)
        case .missingNumber(let node): node.backward(tile)
        case .parameter(let node): node.backward(tile)
        case .bitSelector(let node): node.backward(tile)
        case .pruning(let node): node.backward(tile)
        case .hardConcrete(let node): node.backward(tile)
        case .expertDropout(let node): node.backward(tile)
        case .member(let node): node.backward(tile)
        case .zero(let value): clear(tile.gradient(value))
        }
    }
}
