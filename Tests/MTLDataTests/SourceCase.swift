import MTLData
import MTLEngine
import MTLTestSupport

/// Clicks and spends in one file, churn in another, and experiments on both.
struct SourceCase {
    let files: FieldCase

    init() throws {
        files = try FieldCase()
        try files.write(Self.clicks(Array(0..<400)), as: "clicks.csv")
        try files.write(Self.churn(Array(0..<150)), as: "churn.csv")
    }

    /// Rows with clicks and spends; what a row says depends on its number alone.
    static func clicks(_ rows: [Int]) -> String {
        "user,price,country,at,click,spend\n"
            + rows.map { row in
                "u\(row * 7 % 40),\(row * 13 % 50),\(["DE", "FR", "IT"][row % 3]),\(1_600_000_000 + row * 3600),"
                    + "\(row * 13 % 50 > 25 ? 1 : 0),\(10 + row % 7)\n"
            }.joined()
    }

    /// Rows with churn in columns of another order, and with a column that looks like a label of the others.
    static func churn(_ rows: [Int]) -> String {
        "churn,click,country,user,at,price\n"
            + rows.map { row in
                "\(row * 11 % 30 > 12 ? 1 : 0),maybe,\(["FR", "ES"][row % 2]),u\(row * 3 % 40),"
                    + "\(1_600_000_000 + row * 7200),\(row * 11 % 30)\n"
            }.joined()
    }

    private static let labels =
        "{name: click, type: binary}\n    - {name: churn, type: binary}\n"
        + "    - {name: spend, type: regression, weight: 0.1}"

    func experiment(
        _ schedule: ScheduleSettings = ScheduleSettings(.alternating, ["turns": ["steps": 1]]),
        sources: String = "{source: FOLDER/churn.csv, labels: [churn], batch: 20}", data: String = "",
        roles: String = "", split: String = "{by: random, validation: 0.1, test: 0.1}"
    ) throws -> Experiment {
        let own = sources.replacing("FOLDER", with: files.folder.path)
        var experiment = try files.experiment(
            ["{name: price, type: numeric}", "{name: country, type: categorical, dimension: 3}"],
            label: Self.labels, data: "task_sources: [\(own)]\(data.isEmpty ? "" : ", \(data)")",
            roles: roles,
            split: split, source: "clicks.csv")
        experiment.training.schedule = schedule
        experiment.training.learningRate = 0.01
        return experiment
    }

    /// All rows of a part, as datasets of the cache's blocks.
    func datasets(_ cache: RowCache) throws -> [Dataset<Float>] {
        try cache.blocks.indices.map { try cache.dataset($0) }
    }

    func labelled(_ cache: RowCache) throws -> [[Bool]] {
        try datasets(cache).flatMap { dataset in
            let columns = try ["click", "churn", "spend"].map { try dataset.labels($0) }
            return (0..<dataset.rowCount).map { row in columns.map { !$0[row].isNaN } }
        }
    }
}
