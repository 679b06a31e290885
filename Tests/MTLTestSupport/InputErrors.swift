package import MTLEngine
package import Testing

/// The input error that a body throws; none, where it succeeds. Any other error is an issue.
package func failure(
    _ place: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) -> InputError? {
    do {
        try body()
    } catch let error as InputError {
        return error
    } catch {
        Issue.record(error, sourceLocation: place)
    }
    return nil
}
