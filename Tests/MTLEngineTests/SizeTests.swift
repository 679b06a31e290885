import Foundation
import MTLEngine
import MTLTestSupport
import Testing

/// Sizes are refused before memory is asked for, by the name of what is too large.
@Suite struct SizeTests {
    private func refusal(
        _ architecture: any Architecture, batch: Int = 64, tables: [EmbeddingTable] = []
    ) -> InputError? {
        failure {
            let model = try MultiTaskModel(
                inputs: 6, embedded: tables.map { .single($0.name) }, tables: tables,
                architecture: architecture,
                tasks: [.binary("a"), .binary("b")])
            _ = try Trainer<Float>(model, batchSize: batch)
        }
    }

    @Test func optionsBeyondAllSenseAreRefused() {
        let layer = [HiddenLayer.relu(4)]
        for huge in [Int.max, Int.max - 1, 1 << 40, 1_000_000_000] {
            for architecture in [
                SharedBottom(trunk: [.relu(huge)]), MMoE(experts: huge, layers: layer),
                MMoE(layers: [.relu(huge)]),
                PLE(levels: [PLE.Level(own: huge, shared: huge, layers: layer)]),
                LowRankSharing(layers: layer, rank: huge),
                DSelectK(experts: huge, layers: layer, selected: huge),
                SNR(levels: [
                    SNR.Level(networks: huge, layers: layer), SNR.Level(networks: huge, layers: layer),
                ]),
                Sluice(layers: layer, subspaces: huge), MTAN(layers: layer, attention: huge),
                STAR(layers: layer, scenarioWidth: huge), SARNet(shared: huge, own: huge, layers: layer),
                M3oE(starWidth: huge, shared: 1, layers: layer), AdaptDHM(layers: layer, clusters: huge),
                APG(layers: layer, rank: huge), HAMUR(trunk: layer, rank: huge, adapterWidth: huge),
                AlternatingStructure(layers: layer, rank: huge), STEM(own: huge, layers: layer),
                HoME(grouped: huge, layers: layer), HoME(layers: layer, viewRank: huge),
                AdaSparse(layers: layer, scenarioWidth: huge), HiNet(own: huge, layers: layer),
                HiNet(layers: layer, scenarioWidth: huge),
                M2M(layers: [.relu(huge)]), M2M(layers: layer, taskWidth: huge),
                M2M(layers: layer, unitDepth: huge),
                DC2VR(parents: ["b": ["a"]], layers: layer, rank: huge),
                SharedBottom(trunk: [HiddenLayer](repeating: .relu(4), count: 2000)),
            ] as [any Architecture] {
                #expect(refusal(architecture) != nil, "\(type(of: architecture))")
            }
        }
    }

    @Test func whatTheMachineDoesNotHaveIsNamed() throws {
        let wide = refusal(SharedBottom(trunk: [.relu(100_000), .relu(100_000)]))
        #expect(wide?.place == "layer \"trunk.1\"")
        #expect(wide?.found.contains("needed for weights of 100,000 x 100,000") == true)
        #expect(wide?.expected.hasSuffix("which are free") == true)
        let table = refusal(
            SharedBottom(trunk: [.relu(4)]),
            tables: [EmbeddingTable("user", rows: 1_000_000_000, dimension: 64)])
        #expect(table?.place == "embedding table \"user\"")
        #expect(table?.found.contains("a table of 1,000,000,000 x 64") == true)
        let experts = refusal(MMoE(experts: 300, layers: [.relu(100_000), .relu(1000)]))
        #expect(experts?.found.contains("needed for") == true)
    }

    @Test(arguments: [16, 4096, 1 << 20])
    func theNeedIsAboutWhatAStepTakes(_ batch: Int) throws {
        let model = try MultiTaskModel(
            inputs: 32, trunk: [.relu(256), .relu(256)], tasks: [.binary("a"), .binary("b")])
        let need = MemoryNeed(
            training: model, batch: batch, workers: 2, stateVectors: 2, sets: 1, backend: .kernels,
            scalarBytes: 4)
        // Other tests take memory and give it back meanwhile: one measurement of some has to be undisturbed.
        var found: [Double] = []
        for _ in 0..<20 {
            let before = Self.addressSpace()
            let trainer = try Trainer<Float>(
                model, batchSize: batch, compute: ComputeOptions(threads: 2, backend: .kernels))
            let taken = Self.addressSpace() - before
            withExtendedLifetime(trainer) {}
            found.append(taken)
            // Threads' stacks are beside it, and whole pages.
            if taken > 0, need.bytes < taken + 2e7, need.bytes > 0.3 * (taken - 1.5e8) { break }
        }
        #expect(found.count < 20, "\(need.bytes) of \(found)")
        // A million rows go through it some at a time.
        #expect(need.bytes < 1e8)
    }

    /// Bytes of this process's address space.
    private static func addressSpace() -> Double {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").first.flatMap { Double($0) } ?? 0) * 4096
    }

    @Test func bytesOfTheMachineAreRead() throws {
        let free = try #require(FreeMemory.bytes)
        #expect(free > 1e6 && free < 1e15)
        #expect(MemoryNeed.size(64e9) == "64 GB" && MemoryNeed.size(1.26e6) == "1.3 MB")
    }

    @Test func theNeedFollowsWhatIsAskedFor() throws {
        let model = try MultiTaskModel(
            inputs: 6, embedded: [.single("u")], tables: [EmbeddingTable("u", rows: 100_000, dimension: 16)],
            architecture: SharedBottom(trunk: [.relu(8)]), tasks: [.binary("a")])
        func bytes(batch: Int, state: Int) -> Double {
            MemoryNeed(
                training: model, batch: batch, workers: 1, stateVectors: state, sets: 1, scalarBytes: 4
            ).bytes
        }
        #expect(bytes(batch: 16, state: 0) > 6.4e6 && bytes(batch: 16, state: 0) < 7e6)
        #expect(bytes(batch: 16, state: 2) > 19.2e6 && bytes(batch: 16, state: 2) < 20e6)
        let anchored = MemoryNeed(
            training: model, batch: 16, workers: 1, stateVectors: 0, sets: 1, anchors: true, scalarBytes: 4)
        #expect(abs(anchored.bytes - bytes(batch: 16, state: 0) - 6.4e6) < 1e4)
        #expect(bytes(batch: 1 << 16, state: 0) > bytes(batch: 16, state: 0) + 5e6)
        let need = MemoryNeed(predicting: model, workers: 1, scalarBytes: 4)
        #expect(failure { try need.check(free: 1e6) }?.place == "embedding table \"u\"")
        #expect(failure { try need.check(free: 1e9) } == nil)
    }
}
