export interface Game {
  id: string;
  moves: string[];
}

export class GameManager {
  private static one?: GameManager;
  private games = new Map<string, Game>();

  static instance(): GameManager {
    GameManager.one ??= new GameManager();
    return GameManager.one;
  }

  private constructor() {}

  addGame(game: Game): void {
    if (this.games.has(game.id)) {
      throw new Error(`there is a game ${game.id} already`);
    }
    this.games.set(game.id, game);
  }

  addMove(id: string, move: string): void {
    const game = this.games.get(id);
    if (game === undefined) {
      throw new Error(`there is no game ${id}`);
    }
    game.moves.push(move);
  }

  count(): number {
    return this.games.size;
  }
}
