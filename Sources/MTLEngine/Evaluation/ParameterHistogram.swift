/// How the numbers of a segment of the parameters are spread, for TensorBoard.
package struct ParameterHistogram: Sendable, Equatable, Codable {
    /// The segment.
    package let name: String
    package private(set) var minimum = Double.infinity
    package private(set) var maximum = -Double.infinity
    package private(set) var count = 0
    package private(set) var sum = 0.0
    package private(set) var sumOfSquares = 0.0
    /// Equal parts between the smallest and the largest number.
    package private(set) var buckets = [Double](repeating: 0, count: 30)

    /// Of a large table every so many numbers are looked at.
    private static var mostNumbers: Int { 1 << 20 }

    package init(name: String, _ values: UnsafeBufferPointer<some BLASScalar>) {
        self.name = name
        let places = stride(from: 0, to: values.count, by: values.count / Self.mostNumbers + 1)
        for place in places where values[place].isFinite {
            let value = Double(values[place])
            (minimum, maximum) = (min(minimum, value), max(maximum, value))
            (count, sum, sumOfSquares) = (count + 1, sum + value, sumOfSquares + value * value)
        }
        let width = (maximum - minimum) / Double(buckets.count)
        for place in places where values[place].isFinite {
            let bucket = width > 0 ? (Double(values[place]) - minimum) / width : 0
            buckets[min(buckets.count - 1, Int(bucket))] += 1
        }
    }

    /// Where each bucket ends.
    package var limits: [Double] {
        let width = (maximum - minimum) / Double(buckets.count)
        return buckets.indices.map {
            $0 == buckets.count - 1 ? maximum : minimum + Double($0 + 1) * width
        }
    }
}
