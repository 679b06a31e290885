import ArgumentParser
import Terminal

@main
struct MTLBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mtl-bench",
        abstract: "Alternating against joint multi-task training on this machine's CPU.",
        discussion: "Without a subcommand it trains a simulated shop both ways and compares them.",
        subcommands: [
            DemoCommand.self, TrainCommand.self, ThroughputCommand.self, ArchitecturesCommand.self,
            ScenariosCommand.self, WorldsCommand.self, ToyCommand.self, ProfileCommand.self,
            CompareCommand.self,
            ReadCommand.self, LogCommand.self, EmbeddingsCommand.self, EnsembleCommand.self,
            StepsCommand.self, WorkerCommand.self,
        ],
        defaultSubcommand: DemoCommand.self)

    static func main() { runAsProgram() }
}
