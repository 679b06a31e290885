import Foundation
import MTLData
import MTLEngine
import MTLTestSupport
import Testing

/// Conditions of labels are understood in every spelling that has one meaning, and refused with their place in all others.
@Suite struct ConditionTests {
    @Test(arguments: [
        ("click = 1", "click", "=", "1"), ("click == 1", "click", "=", "1"),
        ("click === 1", "click", "=", "1"),
        ("click=1", "click", "=", "1"), ("click = \"1\"", "click", "=", "1"),
        ("click = '1'", "click", "=", "1"),
        ("\"click\" = 1", "click", "=", "1"), ("`click it` = 1", "click it", "=", "1"),
        ("click <> 1", "click", "!=", "1"), ("click ≠ 1", "click", "!=", "1"),
        ("price ≥ 1", "price", ">=", "1"),
        ("price ≤ 1.5", "price", "<=", "1.5"), ("kind = a b", "kind", "=", "a b"),
        ("kind = \"salt and pepper\"", "kind", "=", "salt and pepper"),
        ("kind = \"a=b\"", "kind", "=", "a=b"),
        ("kind = and", "kind", "=", "and"), ("\"a=b\" != c", "a=b", "!=", "c"),
        ("  click  =  yes ", "click", "=", "yes"),
    ])
    func isUnderstood(_ text: String, column: String, comparison: String, value: String) throws {
        let condition = try Condition(text, place: "label \"y\", when")
        #expect(condition.column == column && condition.value == value)
        #expect(condition.comparison.rawValue == comparison)
    }

    @Test(arguments: [
        "click => 1", "click =< 1", "click = 1 and price > 3", "click = 1 or buy = 1", "click = 1 && buy = 1",
        "click = 1 || buy = 1", "click = 1 AND kind is b", "click == = 1", "click = >1", "click is 1",
        "click: 1",
        "click", "= 1", "click =", "click = \"1", "'click = 1", "click = \"1\" and", "click =~ 1",
        "click !> 1",
        "price > ten", "price > nan", "price >= inf", "price > 1,5", "price >> 1", "1 < price < 3",
        "click = 1; buy = 1",
        "click = \"\"",
    ])
    func isRefused(_ text: String) {
        let error = failure { _ = try Condition(text, place: "label \"y\", when") }
        #expect(error?.place == "label \"y\", when", "\(text)")
    }

    @Test func readsYesAndNoAsLabelsDo() throws {
        let files = try FieldCase()
        try files.write(
            visits("price,click,flag,buy") {
                ["\($0 % 50)", "\($0 % 2)", $0 % 2 == 1 ? "True" : "no", "\($0 % 3 == 0 ? 1 : 0)"]
            })
        var counts: [Int] = []
        for when in ["click = 1", "click = yes", "click == TRUE", "flag = 1", "flag = true", "flag != no"] {
            let data = try files.prepared(
                files.experiment(
                    ["{name: price, type: numeric}"], label: "{name: buy, type: binary, when: '\(when)'}"))
            let audit = try LabelAudit(data.training, data.preprocessor.schema)
            counts.append(audit.labels[0].labelled)
        }
        #expect(counts[0] > 50 && counts.allSatisfy { $0 == counts[0] })
    }

    @Test func whatNoRowMeetsIsToldByTrainingAndCheck() throws {
        let files = try FieldCase()
        try files.write(visits("price,country,click"))
        for when in ["country = XX", "click = 7", "click = \"=1\""] {
            let experiment = try files.experiment(
                ["{name: price, type: numeric}"], label: "{name: click, type: binary, when: '\(when)'}")
            let data = try files.prepared(experiment)
            let error = failure { _ = try TrainingRun(experiment, data) }
            #expect(error?.place == "label \"click\", when", "\(when)")
            #expect(error?.found.contains("which matches no row") == true)
            let findings = try experiment.report(data).findings
            #expect(findings.contains { $0.severity == .problem && $0.place == "label \"click\", when" })
            #expect(!findings.contains { $0.place.hasPrefix("label \"click\", part") })
        }
        let all = try files.experiment(
            ["{name: price, type: numeric}"], label: "{name: click, type: binary, when: 'price >= 0'}")
        #expect(
            try all.report(files.prepared(all)).findings.contains {
                $0.severity == .note && $0.found.contains("holds in all rows")
            })
    }

    @Test func aColumnThatIsNotThereIsNamedWithTheLabel() throws {
        let files = try FieldCase()
        try files.write(visits())
        let refused = files.refusal(
            try files.experiment(
                ["{name: price, type: numeric}"], label: "{name: click, type: binary, when: Country = DE}"))
        #expect(refused?.place.hasPrefix("label \"click\", when: ") == true)
        #expect(refused?.expected.contains("\"country\" differs in capitals only") == true)
    }
}
