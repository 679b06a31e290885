import ArgumentParser

@main
struct MTL: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mtl", abstract: "Multi-task learning on a shop's log files.")
}
