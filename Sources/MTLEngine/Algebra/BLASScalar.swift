/// The scalar types the numeric core is compiled for: `Float` to run in, `Double` to check in.
public protocol BLASScalar: BinaryFloatingPoint, Sendable {}
extension Float: BLASScalar {}
extension Double: BLASScalar {}
