import ArgumentParser
import MTLEngine

@main
struct MTLBench: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "mtl-bench")
}
