import ArgumentParser
import Terminal

@main
struct MTL: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mtl", abstract: "Multi-task learning on a shop's log files.",
        discussion: """
            mtl init visits.csv --label click > visits.yaml proposes an experiment, mtl check visits.yaml looks for \
            leaks and drift, mtl train visits.yaml runs it, mtl tune looks for better settings, mtl compare says \
            whether sharing helps, mtl evaluate and mtl predict use what came of it, mtl describe shows the model, \
            mtl explain what its features are worth, mtl neighbours which values are alike, mtl calibrate makes its probabilities come true, mtl report \
            writes a run as a page, mtl group says which tasks belong together.
            """,
        subcommands: [
            InitCommand.self, CheckCommand.self, TrainCommand.self, TuneCommand.self, CompareCommand.self,
            EvaluateCommand.self, PredictCommand.self, DescribeCommand.self, ExplainCommand.self,
            NeighboursCommand.self, CalibrateCommand.self, ReportCommand.self, GroupCommand.self,
        ])

    static func main() { runAsProgram() }
}
