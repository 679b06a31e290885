import Foundation
import MTLEngine
import MTLTestSupport
import Testing

@Suite struct RateScheduleTests {
    private struct Golden: Decodable {
        let total: Int
        let constant, exponential, exponentialEvery, step, milestones, cosine, linear, oneCycle: [Double]
        let warmConstant, warmCosine, warmStep: [Double]
        let losses: [Double?]
        let plateau: [Double]
    }

    @Test func factorsAreThoseOfPyTorch() throws {
        let golden = try fixture(Golden.self, "rate_schedules.json", snakeCase: true)
        let cases: [(RateSchedule, [Double])] = [
            (.constant(), golden.constant), (.exponential(gamma: 0.97), golden.exponential),
            (.exponential(gamma: 0.5, every: 7), golden.exponentialEvery),
            (.step(every: 7, gamma: 0.5), golden.step),
            (.step(milestones: [5, 9, 31], gamma: 0.2), golden.milestones),
            (.cosine(floor: 0.1), golden.cosine), (.linear(floor: 0.2), golden.linear),
            (.oneCycle(), golden.oneCycle), (.constant(warmup: 6), golden.warmConstant),
            (.cosine(floor: 0.1, warmup: 6), golden.warmCosine),
            (.step(every: 7, gamma: 0.5, warmup: 3), golden.warmStep),
        ]
        for (schedule, expected) in cases {
            try schedule.check()
            #expect(expected.count == golden.total)
            let found = expected.indices.map { schedule.factor(step: $0, total: golden.total) }
            expectClose(found, expected, relative: 1e-12, absolute: 1e-13, "\(schedule)")
        }
    }

    @Test func plateauIsThatOfPyTorch() throws {
        let golden = try fixture(Golden.self, "rate_schedules.json", snakeCase: true)
        let schedule = RateSchedule.plateau(
            PlateauState(factor: 0.3, patience: 2, threshold: 1e-2, floor: 0.05))
        try schedule.check()
        var state = try #require(schedule.plateau)
        var found: [Double] = []
        for loss in golden.losses {
            state.observe(loss ?? .nan)
            found.append(state.rateFactor)
            // What a checkpoint keeps goes on as it was.
            state = try JSONDecoder().decode(PlateauState.self, from: JSONEncoder().encode(state))
        }
        expectClose(found, golden.plateau, relative: 1e-12, absolute: 1e-13, "plateau")
        #expect(found.last == 0.05)
        #expect(RateSchedule.cosine().plateau == nil)
    }

    /// Behind the plan, in a plan of no length, and in one that the warm-up fills.
    @Test func everyStepOfEveryPlanHasAFactor() {
        let schedules: [RateSchedule] = [
            .constant(), .exponential(gamma: 0.9), .step(milestones: []), .cosine(floor: 0.1), .linear(),
            .oneCycle(), .oneCycle(rise: 0), .oneCycle(rise: 1),
        ]
        for schedule in schedules {
            for warmup in [0, 1, 5] {
                let warmed = RateSchedule(schedule.shape, warmup: warmup)
                for total in [0, 1, 2, 3, 4, 5, 30] {
                    for step in 0...40 {
                        let factor = warmed.factor(step: step, total: total)
                        #expect(factor >= 0 && factor <= 1, "\(warmed), step \(step) of \(total)")
                    }
                }
            }
        }
        #expect(RateSchedule.cosine(floor: 0.1).factor(step: 31, total: 30) == 0.1)
        #expect(RateSchedule.linear(floor: 0.25).factor(step: 400, total: 30) == 0.25)
        #expect(RateSchedule.oneCycle(rise: 0).factor(step: 0, total: 10) < 1)
        #expect(RateSchedule.oneCycle(rise: 1).factor(step: 9, total: 10) == 1)
        // The warm-up leads to where the shape begins.
        #expect(RateSchedule.oneCycle(warmup: 4).factor(step: 0, total: 30) < 1.0 / 25)
    }

    @Test func survivesItsText() throws {
        for schedule in [
            RateSchedule.oneCycle(warmup: 3), .step(milestones: [3, 4]), .plateau(), .exponential(gamma: 0.9),
        ] {
            let text = try JSONEncoder().encode(schedule)
            #expect(try JSONDecoder().decode(RateSchedule.self, from: text) == schedule)
        }
    }

    @Test func wrongOptionsAreNamed() {
        let cases: [(RateSchedule, String)] = [
            (.constant(warmup: -1), "warmup"), (.exponential(gamma: 0), "gamma"),
            (.exponential(gamma: .nan), "gamma"), (.step(every: 0), "every"),
            (.step(milestones: [3, 3]), "milestones"), (.step(milestones: [-1]), "milestones"),
            (.cosine(floor: 1.5), "floor"), (.linear(floor: -0.1), "floor"), (.oneCycle(rise: 2), "rise"),
            (.oneCycle(divisor: 0), "divisor"), (.oneCycle(finalDivisor: .infinity), "final_divisor"),
            (.plateau(PlateauState(factor: 1)), "factor"), (.plateau(PlateauState(patience: -1)), "patience"),
            (.plateau(PlateauState(threshold: -1)), "threshold"),
            (.plateau(PlateauState(floor: 2)), "floor"),
        ]
        for (schedule, option) in cases {
            #expect(failure { try schedule.check() }?.place == "rate schedule, \(option)", "\(schedule)")
        }
    }
}
