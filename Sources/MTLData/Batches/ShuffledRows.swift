internal import MTLEngine

/// The rows of some blocks of a cache in an order that depends on the seed and the pass alone, without holding more than a few blocks:
/// blocks in random order, and the rows of as many as fill the buffer mixed. Where some loss compares the rows of a group, those of
/// one that are in the buffer stay together.
struct ShuffledRows {
    /// Rows that are mixed at a time.
    static let bufferRows = 1 << 17

    private let cache: RowCache
    private let all: [Int]
    private let seed: SeededGenerator
    /// The blocks in the order of the pass.
    private var blocks: [Int] = []
    private var generator: SeededGenerator
    /// Blocks before this one are used up or in the buffer.
    private var nextBlock = 0
    private var held = HeldBlocks()
    /// Memory of blocks that are used up.
    private var spare: [BlockMemory] = []
    /// Block in the buffer and row, in the upper and lower half.
    private var order: [UInt64] = []
    private var position = 0

    /// - Parameter pass: counted from 1.
    init(_ cache: RowCache, _ blocks: [Int], seed: SeededGenerator, pass: Int) {
        self.cache = cache
        self.seed = seed
        all = blocks
        generator = seed
        begin(pass: pass)
    }

    /// Begins a pass, at whatever place the one before was left.
    mutating func begin(pass: Int) {
        blocks = all
        generator = seed.split(UInt64(pass))
        generator.shuffle(&blocks)
        nextBlock = 0
        position = 0
        order.removeAll(keepingCapacity: true)
    }

    /// Passes over rows as if they had been taken.
    mutating func skip(_ count: Int) throws(InputError) {
        var left = count
        while left > 0 {
            if position == order.count {
                guard try refill() else { return }
            }
            let taken = min(left, order.count - position)
            position += taken
            left -= taken
        }
    }

    /// Fills a batch with the next rows; false where there are none.
    mutating func fill(_ buffer: BatchBuffer, rows: Int) throws(InputError) -> Bool {
        buffer.clear()
        while buffer.rows < rows {
            if position == order.count {
                guard try refill() else { break }
            }
            let end = min(order.count, position + rows - buffer.rows)
            order.withUnsafeBufferPointer { order in
                buffer.append(held, UnsafeBufferPointer(rebasing: order[position..<end]))
            }
            position = end
        }
        return buffer.rows > 0
    }

    /// The numbers of the next rows in the cache, counted from 0, as `fill` would take them.
    mutating func numbers(_ count: Int) throws(InputError) -> [Int] {
        var starts: [Int] = []
        var next = 0
        for block in cache.blocks {
            starts.append(next)
            next += block.rows
        }
        var numbers: [Int] = []
        while numbers.count < count {
            if position == order.count {
                guard try refill() else { break }
            }
            let end = min(order.count, position + count - numbers.count)
            let firstHeld = nextBlock - held.rows.count
            for place in order[position..<end] {
                let (block, row) = (Int(place >> 32), Int(place & 0xFFFF_FFFF))
                numbers.append(starts[blocks[firstHeld + block]] + row)
            }
            position = end
        }
        return numbers
    }

    private mutating func refill() throws(InputError) -> Bool {
        spare += held.rows.map(\.memory)
        held.removeAll()
        order.removeAll(keepingCapacity: true)
        position = 0
        while nextBlock < blocks.count, order.count < Self.bufferRows {
            let index = blocks[nextBlock]
            let rows = try cache.rows(index, into: spare.popLast() ?? BlockMemory())
            let place = UInt64(held.rows.count) << 32
            held.append(rows)
            order.append(contentsOf: (0..<UInt64(rows.count)).lazy.map { place | $0 })
            nextBlock += 1
        }
        if nextBlock < blocks.count { cache.announce(blocks[nextBlock]) }
        order.withUnsafeMutableBufferPointer { order in
            generator.shuffle(order)
            if cache.layout.hasGroups == true { order.gatherGroups { held.group($0) } }
        }
        return !order.isEmpty
    }
}
