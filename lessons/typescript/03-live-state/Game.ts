export interface Database {
  addMove(number: number, move: string): Promise<void>;
}

export class Game {
  board: string[] = [];
  private count = 0;

  constructor(private database: Database) {}

  async play(move: string): Promise<void> {
    this.board.push(move);
    const number = this.count + 1;
    await this.database.addMove(number, move);
    this.count = number;
  }
}
